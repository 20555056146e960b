// The subset of TOML for configurations: [sections], KEY = VALUE with strings, numbers, true and false, and lists of them.
//
// CLI11's own reader is not used, because folder names can contain any bytes. In strings, "#", quotes, line ends, commas and brackets are
// written as in TOML, and bytes that are not UTF-8 are escaped as in engine/printable.h. Unquoted words are read literally, separated by commas
// or spaces, as in CLI11. Size, depth, names and the number of entries are bounded, so that a small file cannot use gigabytes of memory.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kelvin {

struct TomlEntry {
  std::vector<std::string> section;  // [a.b] KEY, [a] b.KEY and a.b.KEY are the same
  std::string name;
  std::vector<std::string> values;
};

enum class TomlStrings {
  escaped,  // "a\tb", as in TOML
  as_is     // without escapes, as earlier versions wrote config.toml
};

// Throws CLI::ConfigError with the line: "line 3: ...".
[[nodiscard]] std::vector<TomlEntry> parse_toml(std::string_view text, TomlStrings strings = TomlStrings::escaped);

// A value as written after the equals sign: numbers literally, everything else in quotes.
[[nodiscard]] std::string toml_value(const std::string& value);

// For CLI::App::config_formatter: reads the file of --config.
class TomlConfig : public CLI::Config {
 public:
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return ""; }  // config_text writes
  std::vector<CLI::ConfigItem> from_config(std::istream& in) const override;
};

// Requires an option to name a regular file, because reading from other kinds of files may block or never end.
[[nodiscard]] CLI::Validator config_file();

}  // namespace kelvin
