#include "engine/printable.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace kelvin {
namespace {

// One character of UTF-8 (Unicode 15, table 3-7): how many bytes it takes, 0 where none is valid, and its code point.
struct Character {
  std::size_t size = 0;
  std::uint32_t code = 0;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || size > text.size()) return {};
  std::uint32_t code = first & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {size, code};
}

bool is_control(std::uint32_t code) { return code < 0x20 || (code >= 0x7F && code <= 0x9F); }

// Line ends, marks that change the direction of writing, characters of no width.
bool is_hidden(std::uint32_t code) {
  return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0x061C || code == 0xFEFF;
}

std::string escaped(const char* format, unsigned value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string escaped_byte(char c) { return escaped("\\x%02X", static_cast<unsigned char>(c)); }

std::string escaped_control(std::uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  return escaped(code < 0x20 ? "\\x%02X" : "\\u%04X", code);  // JSON has none of the first as they are
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t size = character.size == 0 ? 1 : character.size;
    if (character.size == 0)
      out += escaped_byte(text[0]);
    else if (is_control(character.code) || is_hidden(character.code))
      out += escaped_control(character.code);
    else
      out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    out += printable(text.substr(0, end)) + "\n";
  return out + printable(text);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = first_character(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string escape_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Character character = first_character(bytes);
    const bool is_escape = bytes.starts_with("\\x");
    if (character.size == 0 || is_escape)
      out += escaped_byte(bytes[0]);
    else
      out += bytes.substr(0, character.size);
    bytes.remove_prefix(character.size == 0 ? 1 : character.size);
  }
  return out;
}

std::string unescape_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const bool is_escape =
        text.size() >= 4 && text.starts_with("\\x") && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0;
    out += is_escape ? static_cast<char>(hex_digit(text[2]) * 16 + hex_digit(text[3])) : text[0];
    text.remove_prefix(is_escape ? 4 : 1);
  }
  return out;
}

}  // namespace kelvin
