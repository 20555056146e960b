#include "apps/training/data_digest.h"

#include "engine/digest.h"
#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {

std::string digest_of_images(const ImageSet& set) {
  Digest digest(Digest::Kind::sha256);
  digest.add(str(set.count, " ", set.height, " ", set.width, " ", set.channels, "\n"));
  digest.add(std::as_bytes(std::span(set.bytes)));
  digest.add(std::as_bytes(std::span(set.floats)));
  digest.add(std::as_bytes(std::span(set.labels)));
  return digest.hex();
}

std::map<std::string, std::string> digests_of(const Dataset& data) {
  std::map<std::string, std::string> digests;
  for (const auto& [name, set] :
       {std::pair("training", &data.train), std::pair("validation", &data.validation), std::pair("test", &data.test)})
    if (set->count > 0) digests[name] = digest_of_images(*set);
  return digests;
}

void require_same_data(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& now,
                       const std::string& data) {
  if (before.empty() || before == now) return;
  std::string changed;
  for (const char* part : {"training", "validation", "test"}) {
    const auto old = before.find(part), present = now.find(part);
    const bool is_same = old == before.end() ? present == now.end() : present != now.end() && *old == *present;
    if (!is_same) changed += (changed.empty() ? "" : " and ") + std::string(part);
  }
  throw mistake("data"_field, " ", printable(data), ": its ", changed,
                " images or labels are not those that the run was begun with; put them back, or go on with these by ",
                "accept-changed-data"_field);
}

}  // namespace kelvin
