#include <exception>
#include <new>

#include "apps/cli/commands.h"
#include "apps/cli/config_file.h"
#include "apps/cli/waiting_threads.h"
#include "kernels/device/error.h"

namespace {

int fail(const std::string& message, kelvin::ExitCode code) {
  std::fprintf(stderr, "kelvin: %s\n", message.c_str());
  return static_cast<int>(code);
}

// A misspelt command, said before the parser says that one is missing.
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

}  // namespace

int main(int argc, char** argv) {
  using kelvin::ExitCode;
  kelvin::keep_waiting_short(argv);
  CLI::App app("kelvin: what the temperature of the softmax does to training and to robustness", "kelvin");
  app.require_subcommand(1);
  app.set_version_flag("--version", "kelvin 0.1.0");
  app.set_config("--config", "", "Flags from a TOML file; flags on the command line win");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.fallthrough();
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // the last of repeated flags counts
  app.footer(
      "`kelvin COMMAND --help` shows examples. Exit codes: 0 done, 2 a mistake in the request or its files, 3 training "
      "diverged,\n4 out of memory, 1 anything else.");

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
  kelvin::add_report(app, common);
  kelvin::add_data(app, common);
  kelvin::add_bench(app, common);

  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    return static_cast<int>(ExitCode::done);
  } catch (const CLI::ConfigError& e) {
    return fail(kelvin::config_mistake(app, e.what()), ExitCode::mistake);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    return fail(std::string(e.what()) + " (see --help)", ExitCode::mistake);
  } catch (const kelvin::Error& e) {
    return fail(e.what(), e.code());
  } catch (const std::bad_alloc&) {
    return fail("out of memory; try a smaller --batch-size", ExitCode::out_of_memory);
  } catch (const std::exception& e) {
    return fail(e.what(), ExitCode::internal);
  }
}
