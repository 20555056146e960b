// The part of TOML that configs are written in: [sections], KEY = VALUE with strings, numbers, true and false, and lists of them.
//
// Read here, and not by CLI11's own reader, because names of folders are any bytes: "#", quotes, line ends, commas and brackets stand in
// strings as TOML has them, and bytes that are not UTF-8 as engine/printable.h escapes them. Words without quotes are taken as they
// are, with commas or spaces between several, as CLI11 takes them. Size, depth, names and entries are bounded, so that a small file
// cannot ask for gigabytes.
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
  escaped,  // "a\tb", as TOML has it
  as_is     // as config.toml was written before it escaped anything
};

// Throws CLI::ConfigError with the line: "line 3: ...".
[[nodiscard]] std::vector<TomlEntry> parse_toml(std::string_view text, TomlStrings strings = TomlStrings::escaped);

// A value as it stands behind the equals sign: numbers as they are, everything else in quotes.
[[nodiscard]] std::string toml_value(const std::string& value);

// For CLI::App::config_formatter: what --config reads.
class TomlConfig : public CLI::Config {
 public:
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return ""; }  // config_text writes
  std::vector<CLI::ConfigItem> from_config(std::istream& in) const override;
};

// Lets an option name a regular file: others may never end, or never begin.
[[nodiscard]] CLI::Validator config_file();

}  // namespace kelvin
