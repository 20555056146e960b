// config.toml of a run folder: the flags of its training. --config reads it back, and --resume continues from it.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/train_flags.h"

namespace kelvin {

// The flags of this run. Paths are absolute, so that the file means the same in every folder; a search (--tau auto) is over when it is
// written, and it holds what the search chose.
[[nodiscard]] std::string config_text(const CLI::App& command, const TrainFlags& flags);

// The arguments of the `kelvin train` that continues the run in `folder`: those of its config.toml, where `command` was not given others.
// Only how long a run lasts, what computes it and what is written beside it may be others (--epochs, --threads, --device,
// --log-every, ...); a mistake names any other flag and both values.
[[nodiscard]] std::vector<std::string> resumed_arguments(const CLI::App& command, const RunFolder& folder);

}  // namespace kelvin
