#include "apps/cli/add_fields.h"

#include "apps/cli/as_flags.h"
#include "apps/cli/help.h"

namespace kelvin {

void add_fields(CLI::App& command, const Fields& fields) {
  for (const Field& f : fields) {
    const std::string flag = "--" + f.name + (f.alias.empty() ? "" : ",--" + f.alias), help = as_flags(f.help);
    CLI::Option* option = nullptr;
    if (f.is_switch())
      option = command.add_flag_function(
          flag, [set = f.set](std::int64_t n) { set(n > 0 ? "true" : "false"); }, help);
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

std::string conversion_mistake(const CLI::App& app, const std::string& said) {
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0 && said.find(option->get_name() + " = ") != std::string::npos)
      return option->get_name() + ": '" + option->results().back() + "' is not a value it takes";
  for (const CLI::App* command : app.get_subcommands())
    if (const std::string text = conversion_mistake(*command, said); text != said) return text;
  return said;
}

}  // namespace kelvin
