// Subcommands and what they have on the command line. CLI11 is known to this file's source and to those that read whole command lines, help
// and configurations: main, train_flags, run_config, help, toml and config_file.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/cli/common.h"

namespace CLI {
class App;
}

namespace kelvin {

// Adds a subcommand with the common flags and an example section; `run` is called when the command line asks for it.
CLI::App* add_command(CLI::App& app, CommonOptions& common, const std::string& name, const std::string& description,
                      const std::string& examples, std::function<void()> run);
// One that is the parent of others and does nothing by itself.
CLI::App* add_parent(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& examples);

void hide(CLI::App& command);  // from --help

// Flags from a table of fields (apps/run/fields.h): name, group in --help, default, and what the field says of a value that it does not
// take. The object that the fields are bound to outlives the parsing.
void add_fields(CLI::App& command, const Fields& fields);
// A word without a flag, such as RUN_DIR; all such words (one or more).
void add_word(CLI::App& command, const std::string& name, std::string& word, const std::string& help, bool is_required);
void add_words(CLI::App& command, const std::string& name, std::vector<std::string>& words, const std::string& help);
// A flag that may be repeated, with any text.
void add_repeatable(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
                    const std::string& help);

// Whether the command line or a --config names the flag.
[[nodiscard]] bool is_given(const CLI::App& command, const std::string& name);
[[nodiscard]] bool has_flag(const CLI::App& command, const std::string& name);

// Fields whose texts are checked and kept in `given`, by name, until it is known which options they belong to.
template <class Options>
[[nodiscard]] Fields kept_as_text(Fields (*table)(Options&), std::map<std::string, std::string>& given) {
  const auto options = std::make_shared<Options>();
  Fields fields = table(*options);
  for (Field& f : fields) {
    f.set = [options, set = f.set, &given, name = f.name](const std::string& text) {
      set(text);
      given[name] = text;
    };
    f.is_default_shown = false;
  }
  return fields;
}

// What is wrong with a switch that was given a value, where the parser `said` so.
[[nodiscard]] std::string conversion_mistake(const CLI::App& app, const std::string& said);

}  // namespace kelvin
