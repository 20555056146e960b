#include "apps/cli/subcommand.h"

#include <CLI/CLI.hpp>

#include "apps/cli/as_flags.h"
#include "apps/cli/help.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

// What is wrong with a value given to a switch, or nothing; the parser itself would throw something else than a CLI::Error.
std::string check_switch(std::string& text) try {
  (void)CLI::detail::to_flag_value(text);
  std::int64_t n = 0;
  return text.find_first_of("0123456789") == std::string::npos ? "" : read_whole(text, n);
} catch (const std::invalid_argument&) {
  return "'" + text + "' is not a value it takes";
}

void require_useful_in_parallel(const std::string& command) {
  for (const char* const known : {"train", "evaluate", "corrupt", "attack", "audit", "sweep"})
    if (command == known) return;
  if (processes().are_many())
    throw mistake("kelvin ", command, " is for one process, and ", processes().size(),
                  " were started; start it without mpirun or srun");
}

}  // namespace

CLI::App* add_command(CLI::App& app, CommonOptions& common, const std::string& name, const std::string& description,
                      const std::string& examples, std::function<void()> run) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  add_fields(*command, common_fields(common));
  if (!run) return command;  // its flags alone are read
  command->callback([name, &common, run = std::move(run)] {
    require_useful_in_parallel(name);
    processes().set_hang_after(common.hang_after);
    if (run) run();  // train sets its own
  });
  return command;
}

CLI::App* add_parent(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& examples) {
  CLI::App* const parent = app.add_subcommand(name, description);
  parent->require_subcommand(1);
  parent->footer("Examples:\n" + examples);
  return parent;
}

void hide(CLI::App& command) { command.group(""); }

void add_fields(CLI::App& command, const Fields& fields) {
  for (const Field& f : fields) {
    const std::string flag = "--" + f.name + (f.alias.empty() ? "" : ",--" + f.alias), help = as_flags(f.help);
    CLI::Option* option = nullptr;
    if (f.is_switch())
      option = command
                   .add_flag_function(
                       flag, [set = f.set](std::int64_t n) { set(n > 0 ? "true" : "false"); }, help)
                   ->check(CLI::Validator(check_switch, ""));
    else if (f.is_list)
      option =
          command
              .add_option_function<std::vector<std::string>>(
                  flag, [set = f.set](const std::vector<std::string>& parts) { set(CLI::detail::join(parts, ",")); },
                  help)
              ->take_all();
    else
      option = command.add_option_function<std::string>(flag, f.set, help);
    if (!f.is_switch()) option->type_name(f.type)->default_str(f.is_default_shown ? f.text() : "");
    option->required(f.is_required);
    option->group(help_group(f.group, f.is_basic))->configurable(f.resume != Resume::unrecorded);
  }
}

void add_word(CLI::App& command, const std::string& name, std::string& word, const std::string& help,
              bool is_required) {
  command.add_option(name, word, help)->required(is_required);
}

void add_words(CLI::App& command, const std::string& name, std::vector<std::string>& words, const std::string& help) {
  command.add_option(name, words, help)->take_all()->required();
}

void add_repeatable(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
                    const std::string& help) {
  command.add_option("--" + name, texts, help)->take_all()->allow_extra_args(false);
}

bool is_given(const CLI::App& command, const std::string& name) { return command.count("--" + name) > 0; }

bool has_flag(const CLI::App& command, const std::string& name) {
  return command.get_option_no_throw("--" + name) != nullptr;
}

}  // namespace kelvin
