// Flags from a table of fields (apps/run/fields.h): name, group in --help, default, and what the field says of a value that it does not take.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "apps/run/fields.h"

namespace kelvin {

// The object that the fields are bound to outlives the parsing.
void add_fields(CLI::App& command, const Fields& fields);

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
