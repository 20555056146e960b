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

}  // namespace kelvin
