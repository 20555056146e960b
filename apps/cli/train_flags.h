// The flags of `kelvin train` for others that start trainings: which there are, and what a list of them means.
#pragma once

#include <string>
#include <vector>

#include "apps/training/train.h"

namespace kelvin {

struct TrainFlagInfo {
  std::string name;  // without dashes
  std::string description;
  bool is_boolean = false;
};
// The flags that a run's config.toml may hold, but for those that every subcommand has (device, seed, threads, ...).
[[nodiscard]] std::vector<TrainFlagInfo> train_flags();

// What `kelvin train ARGUMENTS` would train, checked as it would be checked, without reading data or writing anything. Throws a
// mistake for unknown flags and values that make no sense.
[[nodiscard]] TrainOptions parse_train_flags(const std::vector<std::string>& arguments);

}  // namespace kelvin
