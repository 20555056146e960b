// Subcommands and their flags. Only subcommand.cpp and the files for whole command lines, help and configurations include CLI11: main,
// train_flags, run_config, help, toml and config_file.
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

// Adds a subcommand with the common flags and an example section; `run` is called if the command line names it.
CLI::App* add_command(CLI::App& app, CommonOptions& common, const std::string& name, const std::string& description,
                      const std::string& examples, std::function<void()> run);
// Adds a subcommand that only has subcommands of its own.
CLI::App* add_parent(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& examples);

void hide(CLI::App& command);  // from --help

// Adds flags from a table of fields (apps/run/fields.h): name, group in --help, default, and the message for an invalid value. The object that
// the fields are bound to must outlive the parsing.
void add_fields(CLI::App& command, const Fields& fields);
// Adds a positional argument, such as RUN_DIR; or a list of one or more.
void add_word(CLI::App& command, const std::string& name, std::string& word, const std::string& help, bool is_required);
void add_words(CLI::App& command, const std::string& name, std::vector<std::string>& words, const std::string& help);
// Adds a flag that may be repeated, each time with one text.
void add_repeatable(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
                    const std::string& help);

// Whether the command line or a --config sets the flag.
[[nodiscard]] bool is_given(const CLI::App& command, const std::string& name);
[[nodiscard]] bool has_flag(const CLI::App& command, const std::string& name);

// Fields whose texts are checked and stored in `given`, by name. Used if it is not known yet which options they belong to.
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

}  // namespace kelvin
