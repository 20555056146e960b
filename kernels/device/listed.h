// Joins names with commas for messages ("known: cpu, cuda, auto"), and splits such lists.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kelvin {

// name(element) for every element of the range, in its order; without `name` the elements themselves.
template <class Range, class Name = std::identity>
[[nodiscard]] std::string listed(const Range& range, const Name& name = {}) {
  std::string text;
  for (const auto& element : range) {
    if (!text.empty()) text += ", ";
    text += std::invoke(name, element);
  }
  return text;
}

// The first `most` of a range of strings, and how many more there are: "a, b, c and 7 more".
template <class Range>
[[nodiscard]] std::string briefly_listed(const Range& range, std::size_t most = 4) {
  std::string text;
  std::size_t n = 0;
  for (const auto& element : range)
    if (++n <= most) text += (n > 1 ? ", " : "") + element;
  return n > most ? text + " and " + std::to_string(n - most) + " more" : text;
}

// The parts between the separators; after a last separator there is none.
[[nodiscard]] inline std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}
[[nodiscard]] inline std::vector<std::string> nonempty_parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts = parts_of(text, separator);
  std::erase_if(parts, [](const std::string& part) { return part.empty(); });
  return parts;
}

}  // namespace kelvin
