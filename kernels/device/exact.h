// Numbers as text: the shortest that reads back as the same number. operator<< writes six digits, and calls a float just above 1 a 1.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <string>

namespace kelvin {

// 0.0005 and 20, not 5e-04 and 2e+01; with an exponent where that saves many zeros.
template <std::floating_point T>
[[nodiscard]] std::string exact(T value) {
  std::array<char, 64> text;
  const T size = std::abs(value);
  const bool is_plain = size == 0 || (size >= T(1e-5) && size < T(1e15));
  char* const end = text.data() + text.size();
  return {text.data(), is_plain ? std::to_chars(text.data(), end, value, std::chars_format::fixed).ptr
                                : std::to_chars(text.data(), end, value).ptr};
}
[[nodiscard]] std::string exact(std::integral auto value) { return std::to_string(value); }

}  // namespace kelvin
