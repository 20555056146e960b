#include "apps/cli/run_config.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>

namespace kelvin {
namespace {

using Values = std::map<std::string, std::string>;  // by the flag's name

// Flags whose values do not decide what a run learns, up to rounding on another device.
bool may_change(const std::string& name) {
  static const std::vector<std::string> all = {
      "autotune",         "checkpoint-activations", "device",    "epochs", "eval-every", "fast-nondeterministic",
      "keep-checkpoints", "loader-workers",         "log-every", "tf32",   "threads"};
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::string with_absolute_paths(const std::string& name, const std::string& value) {
  if (name == "data") return with_absolute_path(value);
  if (name == "init" && !value.empty()) return std::filesystem::absolute(value).lexically_normal().string();
  return value;
}

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

bool is_same(const std::string& name, const std::string& a, const std::string& b) {
  const std::optional<double> x = number_in(a), y = number_in(b);
  if (x && y) return *x == *y;
  return with_absolute_paths(name, a) == with_absolute_paths(name, b);
}

// What is written for a flag by config_text; nothing for those that say nothing about the run.
const CLI::Option* recorded(const CLI::Option* option) {
  if (option->get_lnames().empty() || !option->get_configurable()) return nullptr;
  const std::string& name = option->get_lnames().front();
  return name == "help" || name == "resume" ? nullptr : option;
}

Values read_config(const RunFolder& folder) {
  const std::string path = folder.config().string();
  if (!std::filesystem::exists(folder.config()))
    throw mistake(folder.path.string(), ": nothing to resume from: no config.toml there to say how the run was begun");
  Values values;
  try {
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_file(path)) {
      if (item.name == "++" || item.name == "--") continue;  // a section begins or ends
      if (item.parents != std::vector<std::string>{"train"})
        throw mistake(path, ": '", item.fullname(), "' does not stand under [train]");
      values[item.name] = CLI::detail::join(item.inputs, ",");
    }
  } catch (const CLI::Error& e) {
    throw mistake(path, ": ", e.what());
  }
  return values;
}

}  // namespace

std::string config_text(const CLI::App& command, const TrainFlags& f) {
  std::ostringstream out;
  out.exceptions(std::ios_base::badbit);  // no memory is an exception, not a shorter text
  out << "# kelvin --config THIS_FILE train\n[train]\n";
  for (const CLI::Option* given : command.get_options()) {
    const CLI::Option* const option = recorded(given);
    if (option == nullptr) continue;
    const std::string name = option->get_lnames().front();
    std::string value = with_absolute_paths(name, value_of(*option));
    // A search is over when this is written: the file says what it chose.
    if (f.is_auto && name.starts_with("auto-")) continue;
    if (f.is_auto && name == "tau") value = number(f.options.tau.start, 15);
    if (name == "lr" && (f.is_auto || value.empty())) value = number(f.options.lr.base, 15);
    if (value.empty()) continue;
    const bool is_bare = is_switch(*option) || value.find_first_not_of("0123456789+-.e") == std::string::npos;
    out << name << " = " << (is_bare ? value : '"' + value + '"') << "\n";
  }
  return out.str();
}

std::vector<std::string> resumed_arguments(const CLI::App& command, const RunFolder& folder) {
  Values values = read_config(folder);
  // The command that began a search continues its winner, too.
  const bool was_searched =
      value_of(*command.get_option("--tau")) == "auto" && std::filesystem::exists(folder.result("tau-search"));
  for (const CLI::Option* given : command.get_options()) {
    const CLI::Option* const option = recorded(given);
    if (option == nullptr || option->count() == 0) continue;
    const std::string name = option->get_lnames().front(), value = value_of(*option);
    if (was_searched && (name == "tau" || name == "lr" || name.starts_with("auto-"))) continue;
    const auto kept = values.find(name);
    const std::string before = kept != values.end() ? kept->second
                               : is_switch(*option) ? "false"
                                                    : option->get_default_str();
    if (!may_change(name) && !is_same(name, value, before))
      throw mistake("--", name, " ", value, ": the run in ", folder.path.string(), " was begun with ",
                    before.empty() ? "none" : before,
                    ", and --resume continues it as it was begun; another --out begins another run");
    values[name] = value;
  }
  std::vector<std::string> arguments;
  for (const auto& [name, value] : values) {
    const CLI::Option* const option = command.get_option_no_throw("--" + name);
    if (option == nullptr) throw mistake(folder.config().string(), ": train has no flag '", name, "'");
    if (!is_switch(*option)) arguments.push_back("--" + name + "=" + value);
    if (is_switch(*option) && value == "true") arguments.push_back("--" + name);
  }
  arguments.push_back("--out=" + folder.path.string());
  arguments.emplace_back("--resume");
  return arguments;
}

}  // namespace kelvin
