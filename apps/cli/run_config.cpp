#include "apps/cli/run_config.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/cli/toml.h"
#include "engine/input_file.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

std::string with_absolute_paths(const std::string& name, const std::string& value) {
  if (name == "data") return with_absolute_path(value);
  if ((name == "init" || name == "tensorboard") && !value.empty())
    return std::filesystem::absolute(value).lexically_normal().string();
  return value;
}

// The text in the form that the field writes; unchanged if the field refuses it.
std::string canonical(const std::string& name, const std::string& text) {
  TrainFlags flags;
  CommonOptions common;
  const Fields all = run_fields(flags, common);
  const Field* const field = find(all, name);
  if (field == nullptr || text.empty()) return text;
  try {
    field->set(text);
  } catch (const Error&) {
    return text;
  }
  return with_absolute_paths(name, field->text());
}

bool is_same(const std::string& name, const std::string& a, const std::string& b) {
  return a == b || canonical(name, a) == canonical(name, b);
}

// The option itself if a config records it, else null.
const CLI::Option* recorded(const CLI::Option* option) {
  return option->get_lnames().empty() || !option->get_configurable() ? nullptr : option;
}

std::string shown(const std::string& value) { return value.empty() ? "none" : printable(value); }

// Throws a mistake if config.toml differs from the flags in the checkpoint, except in flags that the command gives.
void require_unedited(const CLI::App& command, const RunFolder& folder, const FlagValues& config,
                      const std::vector<FlagValues>& begun) {
  std::string name;
  for (const FlagValues& known : begun) {
    FlagValues expected = known;
    for (const CLI::Option* given : command.get_options()) {
      const CLI::Option* const option = recorded(given);
      if (option == nullptr || option->count() == 0 || !may_change(option->get_lnames().front())) continue;
      const auto kept = config.find(option->get_lnames().front());
      expected.erase(option->get_lnames().front());
      if (kept != config.end()) expected.insert(*kept);
    }
    name = first_difference(expected, config, /*all=*/true);
    if (name.empty()) return;
  }
  if (begun.empty()) return;
  const auto value_in = [&name](const FlagValues& values) {
    const auto found = values.find(name);
    return found == values.end() ? "none" : shown(found->second);
  };
  throw mistake(printable(folder.config().string()), ": says ", name, " = ", value_in(config),
                ", but the checkpoint was trained with ", value_in(begun.front()), "; put it back",
                may_change(name) ? ", or give --" + name + " on the command line" : "");
}

}  // namespace

bool may_change(const std::string& name) {
  TrainFlags flags;
  CommonOptions common;
  const Fields all = run_fields(flags, common);
  const Field* const field = find(all, name);
  return field != nullptr && field->resume == Resume::free;
}

std::string first_difference(const FlagValues& a, const FlagValues& b, bool all) {
  for (const auto& [mine, other] : {std::pair(&a, &b), std::pair(&b, &a)})
    for (const auto& [name, value] : *mine) {
      const auto found = other->find(name);
      if ((all || !may_change(name)) && (found == other->end() || !is_same(name, value, found->second))) return name;
    }
  return "";
}

FlagValues recorded_flags(const TrainFlags& given, const CommonOptions& common_given, bool searched) {
  TrainFlags f = given;
  CommonOptions common = common_given;
  FlagValues values;
  for (const Field& field : run_fields(f, common)) {
    const std::string& name = field.name;
    if (field.resume == Resume::unrecorded) continue;
    if ((searched || !f.is_auto) && name.starts_with("auto-")) continue;  // recorded only until the search is over
    std::string value = with_absolute_paths(name, field.text());
    if (searched && name == "tau") value = exact(f.options.tau.start);
    if (name == "lr" && (searched || value.empty())) value = exact(f.options.lr.base);
    if (!value.empty()) values[name] = value;
  }
  return values;
}

std::string config_text(const FlagValues& values) {
  std::string text = "# kelvin --config THIS_FILE train\n[train]\n";
  TrainFlags flags;
  CommonOptions common;
  for (const Field& field : run_fields(flags, common))  // in the order of --help
    if (const auto found = values.find(field.name); found != values.end())
      text += found->first + " = " + (field.is_switch() ? found->second : toml_value(found->second)) + "\n";
  return text;
}

FlagValues read_config(const RunFolder& folder, bool is_escaped) {
  const std::string path = printable(folder.config().string());
  if (!is_there(folder.config()))
    throw mistake(printable(folder.path.string()),
                  ": nothing to resume from: no config.toml there to say how the run was begun");
  FlagValues values;
  try {
    const std::string text = folder.read_text(folder.config());
    for (const TomlEntry& e : parse_toml(text, is_escaped ? TomlStrings::escaped : TomlStrings::as_is)) {
      if (e.section != std::vector<std::string>{"train"})
        throw mistake(path, ": '", printable(e.name), "' does not stand under [train]");
      values[e.name] = CLI::detail::join(e.values, ",");
    }
  } catch (const CLI::Error& e) {
    throw mistake(path, ": ", e.what());
  }
  return values;
}

std::vector<std::string> resumed_arguments(const CLI::App& command, const RunFolder& folder, const FlagValues& config,
                                           const std::vector<FlagValues>& begun) {
  for (const auto& [name, value] : config)
    if (const CLI::Option* const option = command.get_option_no_throw("--" + name); !option || !recorded(option))
      throw mistake(printable(folder.config().string()), ": train has no flag '", printable(name), "'");
  require_unedited(command, folder, config, begun);
  FlagValues values = config;
  // The command that began a search continues its winner, too.
  const bool was_searched = value_of(*command.get_option("--tau")) == "auto" && values.contains("tau") &&
                            values.at("tau") != "auto" && is_there(folder.result("tau-search"));
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
      throw mistake("--", name, " ", printable(value), ": the run in ", printable(folder.path.string()),
                    " was begun with ", shown(before),
                    ", and --resume continues it as it was begun; another --out begins another run");
    values[name] = value;
  }
  std::vector<std::string> arguments;
  for (const auto& [name, value] : values) {
    const CLI::Option* const option = command.get_option("--" + name);
    if (!is_switch(*option)) arguments.push_back("--" + name + "=" + value);
    if (is_switch(*option) && value == "true") arguments.push_back("--" + name);
  }
  arguments.push_back("--out=" + folder.path.string());
  return arguments;
}

}  // namespace kelvin
