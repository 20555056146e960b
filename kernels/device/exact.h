// Numbers in messages about bounds: the shortest text that reads back as the same number. operator<< writes six digits, and calls a
// float just above 1 a 1.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>

namespace kelvin {

template <std::floating_point T>
[[nodiscard]] std::string exact(T value) {
  std::array<char, 64> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace kelvin
