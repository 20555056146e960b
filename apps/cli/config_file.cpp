#include "apps/cli/config_file.h"

#include "kernels/device/error.h"

namespace kelvin {

std::string config_mistake(const CLI::App& app, const std::string& said) {
  const std::string path = app.get_config_ptr()->as<std::string>();
  const std::vector<CLI::App*> asked = app.get_subcommands();
  const std::string command = asked.empty() ? "train" : asked.front()->get_name();
  for (const CLI::ConfigItem& item : app.get_config_formatter()->from_file(path)) {
    if (item.name == "++" || item.name == "--") continue;  // a section begins or ends
    if (item.parents.empty()) {
      if (app.get_option_no_throw("--" + item.name) != nullptr) continue;
      return str(path, ": '", item.name, "' stands outside a section; flags of ", command, " belong under [", command,
                 "]");
    }
    const std::string& section = item.parents.front();
    const std::vector<const CLI::App*> owners =
        app.get_subcommands([&](const CLI::App* a) { return a->get_name() == section; });
    if (owners.empty()) return str(path, ": [", section, "] is no command");
    if (item.parents.size() > 1 || owners.front()->get_option_no_throw("--" + item.name) == nullptr)
      return str(path, ": ", section, " has no flag '", item.name, "'");
  }
  return path + ": " + said;
}

}  // namespace kelvin
