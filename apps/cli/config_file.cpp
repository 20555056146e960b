#include "apps/cli/config_file.h"

#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {

std::string config_mistake(const CLI::App& app, const std::string& said) {
  const std::string path = app.get_config_ptr()->as<std::string>();
  const std::vector<CLI::App*> asked = app.get_subcommands();
  const std::string command = asked.empty() ? "train" : asked.front()->get_name();
  std::vector<CLI::ConfigItem> items;
  try {
    items = app.get_config_formatter()->from_file(path);
  } catch (const CLI::Error& e) {
    return printable(path) + ": " + e.what();
  }
  for (const CLI::ConfigItem& item : items) {
    if (item.parents.empty()) {
      if (app.get_option_no_throw("--" + item.name) != nullptr) continue;
      return str(printable(path), ": '", printable(item.name), "' stands outside a section; flags of ", command,
                 " belong under [", command, "]");
    }
    const std::string& section = item.parents.front();
    const std::vector<const CLI::App*> owners =
        app.get_subcommands([&](const CLI::App* a) { return a->get_name() == section; });
    if (owners.empty()) return str(printable(path), ": [", printable(section), "] is no command");
    if (item.parents.size() > 1 || owners.front()->get_option_no_throw("--" + item.name) == nullptr)
      return str(printable(path), ": ", printable(section), " has no flag '", printable(item.name), "'");
  }
  return printable(path) + ": " + said;
}

}  // namespace kelvin
