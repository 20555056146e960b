// config.toml of a run folder: the flags of its training. --config reads it back, and --resume continues from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/cli/train_flags.h"

namespace kelvin {

using FlagValues = std::map<std::string, std::string>;  // by the flag's name, without dashes

// The flags of this run as they are recorded. Paths are absolute, so that they mean the same in every folder. `searched`: a search (--tau
// auto) is over, and they say what it chose.
[[nodiscard]] FlagValues recorded_flags(const TrainFlags& flags, const CommonOptions& common, bool searched);
[[nodiscard]] std::string config_text(const FlagValues& values);

// What config.toml says; a mistake where it is absent, is no config of ours, or is a link to somewhere else. Those written before
// strings were escaped are read as they were written.
[[nodiscard]] FlagValues read_config(const RunFolder& folder, bool is_escaped);

// Whether two runs may differ in that flag and still be the same experiment: how long it lasts, what computes it and what is written
// beside it (--epochs, --threads, --device, --log-every, ...).
[[nodiscard]] bool may_change(const std::string& name);
// The first flag in which both differ, but for those that may change (`all`: any); empty: none.
[[nodiscard]] std::string first_difference(const FlagValues& a, const FlagValues& b, bool all);

// The arguments of the `kelvin train` that continues the run in `folder`: those of its config.toml (`config`), where `command` was not
// given others; only what may change may be others, and a mistake names any other flag and both values. `begun`: the flags that its
// checkpoint knows (empty: none); a config that says anything else was edited, which is a mistake unless the command gives that flag
// and it may change.
[[nodiscard]] std::vector<std::string> resumed_arguments(const CLI::App& command, const RunFolder& folder,
                                                         const FlagValues& config,
                                                         const std::vector<FlagValues>& begun);

}  // namespace kelvin
