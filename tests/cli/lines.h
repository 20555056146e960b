// The width of what a command prints.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>

namespace kelvin::testing {

// Characters of the widest line, in UTF-8.
inline std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    widest = std::max(widest, static_cast<std::size_t>(std::ranges::count_if(
                                  line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; })));
  return widest;
}

// Folded lines as one again: line ends before two spaces become one space.
inline std::string unfolded(std::string text) {
  for (std::size_t at = text.find("\n  "); at != std::string::npos; at = text.find("\n  ", at + 1))
    text.replace(at, 3, " ");
  return text;
}

}  // namespace kelvin::testing
