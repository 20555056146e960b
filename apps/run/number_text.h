// Which texts are numbers, wherever a person writes one: the whole text, with a sign; no space, nan and inf as from_chars reads them.
#pragma once

#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>

namespace kelvin {

inline constexpr double kLargestNumber = std::numeric_limits<float>::max();  // most numbers end as float32
inline constexpr double kMostCounted = 1e15;                                 // room for sums and products of counts

// std::errc() where the text is a number.
template <class T, class... Base>
[[nodiscard]] std::errc parse_text(std::string_view text, T& value, Base... base) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  return error == std::errc() && end != text.data() + text.size() ? std::errc::invalid_argument : error;
}
// Decimal, or hexadecimal behind 0x.
template <class T>
[[nodiscard]] std::errc parse_whole_text(std::string_view text, T& value) {
  const bool is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  return is_hexadecimal ? parse_text(text.substr(2), value, 16) : parse_text(text, value);
}

}  // namespace kelvin
