#include "apps/cli/add_fields.h"

#include "apps/cli/as_flags.h"
#include "apps/cli/help.h"
#include "apps/cli/number_flags.h"

namespace kelvin {

void add_fields(CLI::App& command, const Fields& fields) {
  for (const Field& f : fields) {
    const std::string flag = "--" + f.name, help = as_flags(f.help);
    CLI::Option* option = nullptr;
    if (f.is_switch())
      option = command.add_flag_function(
          flag, [set = f.set](std::int64_t n) { set(n > 0 ? "true" : "false"); }, help);
    else
      option = command.add_option_function<std::string>(flag, f.set, help)->type_name(f.type)->default_str(f.text());
    if (f.type == "FLOAT") option->transform(fraction());
    option->group(help_group(f.group, f.is_basic))->configurable(f.resume != Resume::unrecorded);
  }
}

}  // namespace kelvin
