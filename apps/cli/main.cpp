#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>

#include "apps/cli/commands.h"
#include "apps/cli/config_file.h"
#include "apps/cli/ending.h"
#include "apps/cli/help.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/toml.h"
#include "apps/cli/version.h"
#include "apps/cli/waiting_threads.h"
#include "kernels/device/error.h"
#include "kernels/processes/processes.h"

namespace {

// Reports a misspelt command before the parser reports that a command is missing.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::string known;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == argv[1]) return;
    if (command->get_group().empty()) continue;  // for the program's own use
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  throw kelvin::mistake("no command ", argv[1], "; known: ", known);
}

int run(int argc, char** argv) {
  CLI::App app("kelvin: what the temperature of the softmax does to training and to robustness", "kelvin");
  app.require_subcommand(1);
  app.set_version_flag("--version", kelvin::str("kelvin ", kelvin::program_version()));
  app.set_config("--config", "", "Flags from a TOML file; flags on the command line win")->check(kelvin::config_file());
  app.formatter(std::make_shared<kelvin::HelpFormatter>());
  app.set_help_all_flag("--help-all", "Print all flags and exit");
  app.config_formatter(std::make_shared<kelvin::TomlConfig>());
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.fallthrough();
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // the last of repeated flags counts
  app.footer(
      "`kelvin COMMAND --help` shows examples. Exit codes: 0 done, 2 a mistake in the request or its files, 3 training "
      "diverged,\n4 out of memory or threads, 1 anything else.");

  kelvin::CommonOptions common;
  kelvin::add_quickstart(app, common);
  kelvin::add_train(app, common);
  kelvin::add_evaluate(app, common);
  kelvin::add_corrupt(app, common);
  kelvin::add_attack(app, common);
  kelvin::add_audit(app, common);
  kelvin::add_geometry(app, common);
  kelvin::add_gradients(app, common);
  kelvin::add_sweep(app, common);
  kelvin::add_predict(app, common);
  kelvin::add_weights(app, common);
  kelvin::add_explore(app, common);
  kelvin::add_report(app, common);
  kelvin::add_learn(app, common);
  kelvin::add_data(app, common);
  kelvin::add_bench(app, common);

  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::ConfigError& e) {
    throw kelvin::mistake(kelvin::config_mistake(app, e.what()));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) throw kelvin::mistake(e.what(), " (see --help)");
    std::ostringstream text;  // --help, --version
    app.exit(e, text, text);
    kelvin::print(text.str());
  }
  return static_cast<int>(kelvin::ExitCode::done);
}

// Joining the other processes of a run comes before the flags are checked, and may hang, too.
void read_patience(int argc, char** argv) {
  constexpr std::string_view flag = "--hang-after";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with(flag)) continue;
    const char* const value = word.size() > flag.size() ? argv[i] + flag.size() + 1 : i + 1 < argc ? argv[i + 1] : "";
    if (const double seconds = std::strtod(value, nullptr); seconds > 0) kelvin::set_hang_after_at_start(seconds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  kelvin::prepare_standard_streams();
  kelvin::keep_waiting_short(argv);
  read_patience(argc, argv);
  return kelvin::close_standard_streams(kelvin::run_to_its_end([&] { return run(argc, argv); }));
}
