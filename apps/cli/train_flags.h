// The flags of `kelvin train`: their table, their combined meaning, and functions for other commands that start trainings.
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

// The flags of a command, before they are resolved into options.
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
// One row for each flag, including those of train_fields(flags.options).
[[nodiscard]] Fields train_flag_fields(TrainFlags& flags);
// These flags and the common ones: all flags that a config.toml may hold, and the unrecorded ones.
[[nodiscard]] Fields run_fields(TrainFlags& flags, CommonOptions& common);

// Adds the subcommand, whose flags fill `common` and `flags`; without its work.
CLI::App* declare_train(CLI::App& app, CommonOptions& common, TrainFlags& flags);
// Resolves the flags into flags.options. Throws a mistake for invalid values.
void resolve(TrainFlags& flags, const CommonOptions& common);
// Throws a mistake for a given flag that has no effect with the other flags, such as --tau-end without --tau-schedule. Default values in a
// --config are allowed, because a run's config.toml names every flag.
void require_applicable(const CLI::App& command, const TrainFlags& flags);

// The value of an option for a config.toml: the given value, else its default; "true" or "false" for switches.
[[nodiscard]] std::string value_of(const CLI::Option& option);
[[nodiscard]] bool is_switch(const CLI::Option& option);  // takes no value

// Parses `kelvin train ARGUMENTS` into common and flags.
void parse_train(CommonOptions& common, TrainFlags& flags, const std::vector<std::string>& arguments);

// Whether an argument is --FLAG or --FLAG=VALUE of a flag that config.toml may hold. False for --out, --config and positional arguments.
[[nodiscard]] bool is_run_flag(const std::string& argument);

// The options of `kelvin train ARGUMENTS`, with the same checks, without reading data or writing anything. Throws a mistake for unknown flags,
// flags that do not apply and invalid values.
[[nodiscard]] TrainOptions parse_train_flags(const std::vector<std::string>& arguments);

}  // namespace kelvin
