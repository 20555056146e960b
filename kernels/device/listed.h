// Names with commas between them, as messages offer them: "known: cpu, cuda, auto".
#pragma once

#include <functional>
#include <string>
#include <utility>

namespace kelvin {

// name(element) of every element of the range, in its order; the elements themselves where nothing else is asked for.
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

}  // namespace kelvin
