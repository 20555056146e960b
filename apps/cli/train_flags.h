// The flags of `kelvin train`: which there are, what they mean together, and what others that start trainings need to know of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/common.h"
#include "apps/training/choose_temperature.h"
#include "apps/training/train.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kelvin {

// What a command asks for, before it is resolved into options.
struct TrainFlags {
  TrainOptions options;
  std::string tau = "1", auto_taus = "0.1,0.5,1,10,30,50,70,100", auto_lr;
  std::optional<double> tau_end, lr;
  std::optional<float> adversarial_eps, adversarial_step;
  SearchOptions search;
  bool is_auto = false;
  std::string out;
  std::int64_t train_limit = 0, test_limit = 0, limit = 0, validation = 0;
};
// A row for each flag, those of train_fields(flags.options) among them.
[[nodiscard]] Fields train_flag_fields(TrainFlags& flags);
// The same and the common ones: all that a config.toml may hold, and those that are unrecorded.
[[nodiscard]] Fields run_fields(TrainFlags& flags, CommonOptions& common);

// Adds the subcommand, whose flags fill `common` and `flags`; it does nothing of its own.
CLI::App* declare_train(CLI::App& app, CommonOptions& common, TrainFlags& flags);
// Turns the flags into flags.options; a mistake for what makes no sense.
void resolve(TrainFlags& flags, const CommonOptions& common);
// A mistake for a flag that was given and means nothing beside the others, such as --tau-end without --tau-schedule. Values that a
// --config only repeats from the defaults pass: a run's config.toml names every flag.
void require_applicable(const CLI::App& command, const TrainFlags& flags);

// Of an option as a config.toml holds it: what was given, else its default; "true" or "false" for those without a value.
[[nodiscard]] std::string value_of(const CLI::Option& option);
[[nodiscard]] bool is_switch(const CLI::Option& option);  // takes no value

// Parses `kelvin train ARGUMENTS` into common and flags.
void parse_train(CommonOptions& common, TrainFlags& flags, const std::vector<std::string>& arguments);

// Whether an argument is --FLAG or --FLAG=VALUE of a flag that config.toml may hold. Where a run is written (--out), what else is read
// (--config) and words that are no flags are not among them.
[[nodiscard]] bool is_run_flag(const std::string& argument);

// What `kelvin train ARGUMENTS` would train, checked as it would be checked, without reading data or writing anything. Throws a
// mistake for unknown flags, flags that do not apply and values that make no sense.
[[nodiscard]] TrainOptions parse_train_flags(const std::vector<std::string>& arguments);

}  // namespace kelvin
