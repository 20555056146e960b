#include "apps/cli/toml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <regex>

#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::size_t kLongestConfig = 1 << 20;  // a config holds some hundred flags
constexpr std::size_t kDeepestSection = 8;
// Names are bounded, because each entry holds a copy of the names of its sections.
constexpr std::size_t kLongestName = 255, kMostEntries = 10'000;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    byte(0xE0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3F));
  } else {
    byte(0xF0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3F));
    byte(0x80 | (c >> 6 & 0x3F));
  }
  byte(0x80 | (c & 0x3F));
}

class Reader {
 public:
  Reader(std::string_view text, TomlStrings strings) : text_(text), strings_(strings) {}

  std::vector<TomlEntry> read() {
    if (text_.size() > kLongestConfig) fail(str("more than ", kLongestConfig, " bytes are no config"));
    for (skip(" \t\r\n"); at_ < text_.size(); skip(" \t\r\n")) {
      if (text_[at_] == '#' || text_[at_] == ';')
        rest_of_line();
      else if (text_[at_] == '[')
        section();
      else
        entry();
    }
    return std::move(entries_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw CLI::ConfigError(str("line ", 1 + std::count(text_.begin(), text_.begin() + at_, '\n'), ": ", what));
  }
  [[nodiscard]] bool is_at(std::string_view characters) const {
    return at_ < text_.size() && characters.find(text_[at_]) != std::string_view::npos;
  }
  void skip(std::string_view characters) {
    while (is_at(characters)) ++at_;
  }
  std::string_view rest_of_line() { return until("\n"); }
  std::string_view until(std::string_view characters) {
    const std::size_t begin = at_, end = std::min(text_.find_first_of(characters, at_), text_.size());
    at_ = end;
    return text_.substr(begin, end - begin);
  }
  // After a section or a value: nothing but a comment.
  void end_line() {
    skip(" \t\r");
    if (at_ < text_.size() && !is_at("#\n"))
      fail("something stands behind it: " + printable(rest_of_line().substr(0, 40)));
    rest_of_line();
  }

  void section() {
    ++at_;
    if (is_at("[")) fail("[[lists of sections]] are not known here");
    section_ = path("]");
    if (!is_at("]")) fail("a section's name has no ] behind it");
    ++at_;
    if (section_.size() == 1 && section_[0] == "default") section_.clear();
    end_line();
  }

  void entry() {
    TomlEntry e{section_, "", {}};
    const std::vector<std::string> names = path("=\n");
    e.section.insert(e.section.end(), names.begin(), names.end() - 1);
    e.name = names.back();
    if (is_at("=")) {
      ++at_;
      e.values = values();
    } else {
      e.values = {"true"};
    }
    if (!entries_.empty() && entries_.back().name == e.name && entries_.back().section == e.section)
      entries_.back().values.insert(entries_.back().values.end(), e.values.begin(), e.values.end());
    else
      add(std::move(e));
  }

  void add(TomlEntry e) {
    if (entries_.size() == kMostEntries) fail(str("more than ", kMostEntries, " entries are no config"));
    entries_.push_back(std::move(e));
  }

  // a."b".c, up to one of `ends`, which is not taken.
  std::vector<std::string> path(const std::string& ends) {
    std::vector<std::string> names;
    do {
      if (is_at(".")) ++at_;
      skip(" \t");
      if (is_at("\"'"))
        names.push_back(quoted());
      else
        names.emplace_back(trimmed(until(ends + ".#\n")));
      skip(" \t\r");
      if (names.back().empty()) fail("a name is empty");
      if (names.back().size() > kLongestName) fail(str("a name of more than ", kLongestName, " bytes"));
      if (names.size() > kDeepestSection) fail(str("more than ", kDeepestSection, " sections inside one another"));
    } while (is_at("."));
    if (is_at("#")) rest_of_line();
    return names;
  }

  std::vector<std::string> values() {
    skip(" \t");
    if (is_at("[")) return list();
    if (!is_at("\"'")) return words(until("#\n"));
    std::vector<std::string> all = {quoted()};
    for (skip(" \t\r"); is_at(","); skip(" \t\r")) {
      ++at_;
      skip(" \t");
      all.push_back(is_at("\"'") ? quoted() : std::string(trimmed(until(",#\n"))));
    }
    end_line();
    return all;
  }

  std::vector<std::string> list() {
    std::vector<std::string> all;
    ++at_;
    while (true) {
      for (skip(" \t\r\n"); is_at("#"); skip(" \t\r\n")) rest_of_line();
      if (at_ == text_.size()) fail("a list has no ] at its end");
      if (is_at("[{")) fail("lists and tables inside a list are not known here");
      if (!is_at("]")) all.push_back(is_at("\"'") ? quoted() : std::string(trimmed(until(",]#\n"))));
      for (skip(" \t\r\n"); is_at("#"); skip(" \t\r\n")) rest_of_line();
      if (is_at("]")) break;
      if (!is_at(",")) fail("a list needs a comma between its values and ] at its end");
      ++at_;
    }
    ++at_;
    end_line();
    return all;
  }

  // Without quotes: between commas, else between spaces.
  std::vector<std::string> words(std::string_view text) const {
    text = trimmed(text);
    if (text.empty()) fail("a value is missing; an empty one is \"\"");
    if (text.front() == '{') fail("tables as values are not known here");
    const std::string_view between = text.find(',') != std::string_view::npos ? "," : " \t";
    std::vector<std::string> all;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find_first_of(between, begin), text.size());
      std::string_view word = trimmed(text.substr(begin, end - begin));
      if (word.size() > 1 && (word.front() == '"' || word.front() == '\'') && word.back() == word.front())
        word = word.substr(1, word.size() - 2);
      if (!word.empty()) all.emplace_back(word);
      begin = end + 1;
    }
    return all;
  }

  std::string quoted() {
    const char quote = text_[at_];
    if (text_.substr(at_, 3) == std::string(3, quote)) fail("strings of several lines are not known here; write \\n");
    ++at_;
    if (strings_ == TomlStrings::as_is) {  // up to the last quote of the line
      const std::size_t begin = at_, last = rest_of_line().rfind(quote);
      if (last == std::string_view::npos) fail("a string has no quote at its end");
      return std::string(text_.substr(begin, last));
    }
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && quote == '"')
        escape(out);
      else
        out += text_[at_++];
    }
    if (!is_at(std::string_view(&quote, 1))) fail("a string has no quote at its end");
    ++at_;
    return unescape_bytes(out);
  }

  void escape(std::string& out) {
    constexpr std::string_view kNames = "btnfr\"\\", kMeanings = "\b\t\n\f\r\"\\";
    const char name = at_ + 1 < text_.size() ? text_[at_ + 1] : '\n';
    if (const std::size_t known = kNames.find(name); known != std::string_view::npos) {
      out += kMeanings[known];
      at_ += 2;
      return;
    }
    const std::size_t digits = name == 'u' ? 4 : name == 'U' ? 8 : 0;
    const std::string_view hex = text_.substr(std::min(at_ + 2, text_.size()), digits);
    std::uint32_t c = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), c, 16);
    if (digits == 0 || hex.size() < digits || error != std::errc() || end != hex.data() + digits || c == 0 ||
        c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
      fail(str("'\\", printable(std::string(1, name)), printable(hex), "' is no character; a backslash is \\\\"));
    append_utf8(out, c);
    at_ += 2 + digits;
  }

  std::string_view text_;
  TomlStrings strings_;
  std::size_t at_ = 0;
  std::vector<std::string> section_;
  std::vector<TomlEntry> entries_;
};

}  // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, TomlStrings strings) { return Reader(text, strings).read(); }

std::string toml_value(const std::string& value) {
  static const std::regex number("[+-]?(0|[1-9][0-9]*)([.][0-9]+)?(e[+-]?[0-9]+)?");
  if (value.size() < 40 && std::regex_match(value, number)) return value;
  std::string out = "\"";
  for (const char c : escape_bytes(value)) {
    char escaped[8];
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7F) {
      std::snprintf(escaped, sizeof escaped, "\\u%04X", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::vector<CLI::ConfigItem> TomlConfig::from_config(std::istream& in) const {
  std::string text;
  for (std::array<char, 4096> block; in && text.size() <= kLongestConfig;) {
    in.read(block.data(), block.size());
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
  }
  std::vector<CLI::ConfigItem> items;
  for (TomlEntry& e : parse_toml(text)) {
    CLI::ConfigItem item;
    item.parents = std::move(e.section);
    item.name = std::move(e.name);
    item.inputs = std::move(e.values);
    items.push_back(std::move(item));
  }
  return items;
}

CLI::Validator config_file() {
  return CLI::Validator(
      [](std::string& path) -> std::string {
        std::error_code error;
        const auto status = std::filesystem::status(path, error);
        const bool is_something_else = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
        return is_something_else ? printable(path) + " is not a file" : "";
      },
      "", "config file");
}

}  // namespace kelvin
