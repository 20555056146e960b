// config.toml of a run folder: the flags of its training. --config reads it back, and --resume continues from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/cli/train_flags.h"

namespace kelvin {

using FlagValues = std::map<std::string, std::string>;  // by the flag's name, without dashes

// The flags of this run for its record. Paths are absolute, so that they are valid in every working directory. `searched`: a search (--tau
// auto) is over, and the flags contain its choice.
[[nodiscard]] FlagValues recorded_flags(const TrainFlags& flags, const CommonOptions& common, bool searched);
[[nodiscard]] std::string config_text(const FlagValues& values);

// Reads config.toml. Throws a mistake if it is absent, was not written by Kelvin, or is a link out of the folder. `is_escaped`: false for files
// of earlier versions, whose strings are not escaped.
[[nodiscard]] FlagValues read_config(const RunFolder& folder, bool is_escaped);

// Whether a resumed run may have another value of that flag: the flags for its length, its device and its other output (--epochs, --threads,
// --device, --log-every, ...).
[[nodiscard]] bool may_change(const std::string& name);
// The first flag in which both differ, except those that may change (`all`: including these); empty: none.
[[nodiscard]] std::string first_difference(const FlagValues& a, const FlagValues& b, bool all);

// The arguments of the `kelvin train` that resumes the run in `folder`: the flags of its config.toml (`config`), replaced by those given to
// `command`. Only flags that may change can be replaced; for any other, throws a mistake that names the flag and both values. `begun`: the
// flags recorded in its checkpoint (empty: none). A config with other values was edited, which is a mistake unless the command gives that flag
// and it may change.
[[nodiscard]] std::vector<std::string> resumed_arguments(const CLI::App& command, const RunFolder& folder,
                                                         const FlagValues& config,
                                                         const std::vector<FlagValues>& begun);

}  // namespace kelvin
