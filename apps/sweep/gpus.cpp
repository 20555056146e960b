#include "apps/sweep/gpus.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr const char* kVariable = "CUDA_VISIBLE_DEVICES";

std::optional<std::vector<std::string>> visible() {
  const char* const value = std::getenv(kVariable);
  return value == nullptr ? std::nullopt : std::optional(nonempty_parts_of(value, ','));
}

}  // namespace

std::vector<std::string> gpus_in(const std::string& list) {
  const std::optional<std::vector<std::string>> seen = visible();
  std::vector<std::string> gpus;
  for (const std::string& word : parts_of(list, ',')) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size())
      throw mistake("devices"_field, " ", list, ": expected the numbers of GPUs with commas, such as 0,1,2,3");
    if (seen && number >= seen->size())
      throw mistake("devices"_field, " ", list, ": ", kVariable, " leaves ", seen->size(),
                    " GPUs, which are numbered from 0");
    gpus.push_back(seen ? (*seen)[number] : str(number));
    if (std::find(gpus.begin(), gpus.end() - 1, gpus.back()) != gpus.end() - 1)
      throw mistake("devices"_field, " ", list, ": names a GPU twice; for several cells at a time on each, ",
                    "jobs"_field);
  }
  return gpus;
}

std::vector<std::string> gpu_of_rank(int local_rank) {
  const std::optional<std::vector<std::string>> seen = visible();
  if (!seen) return {str(local_rank)};
  if (seen->empty()) return {};
  return {(*seen)[static_cast<std::size_t>(local_rank) % seen->size()]};
}

std::vector<Worker> workers_on(const std::vector<std::string>& gpus, int first, int count) {
  std::vector<Worker> workers(static_cast<std::size_t>(count));
  for (std::size_t w = 0; w < workers.size() && !gpus.empty(); ++w)
    workers[w].environment = {str(kVariable, "=", gpus[(static_cast<std::size_t>(first) + w) % gpus.size()])};
  return workers;
}

}  // namespace kelvin
