#include "apps/training/rank_agreement.h"

#include <algorithm>

#include "engine/checksum.h"
#include "kernels/processes/processes.h"

namespace kelvin {

void require_equal_ranks(const TrainOptions& options, const std::map<std::string, std::string>& digests,
                         std::int64_t training_images, const Model& model) {
  Processes& all = processes();
  if (!all.are_many()) return;
  const std::int64_t batch = std::min<std::int64_t>(options.batch_size, training_images);
  if (batch < all.size())
    throw mistake("batch-size"_field, " ", batch, " is less than the ", all.size(),
                  " processes: each needs an image of every batch");
  const auto lines = [](const std::map<std::string, std::string>& entries) {
    std::string text;
    for (const auto& [name, value] : entries) text += name + " " + value + "\n";
    return text;
  };
  std::map<std::string, std::string> flags = options.flags;
  for (const char* const path : {"data", "init"})
    flags.erase(path);  // may differ from machine to machine, not what is there
  all.require_equal("their flags", lines(flags));
  all.require_equal("their data", lines(digests));
  require_equal_weights(model);
}

void require_equal_weights(const Model& model) {
  if (!processes().are_many()) return;
  const std::vector<float> values = model.parameters().values().to_host<float>();
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  processes().require_equal("their weights", checksum_of(bytes));
}

}  // namespace kelvin
