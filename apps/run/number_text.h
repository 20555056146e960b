// Which texts are numbers, wherever a person writes one: the whole text, with a sign; no space, nan and inf as from_chars reads them.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace kelvin {

// std::errc() where the text is a number.
template <class T, class... Base>
[[nodiscard]] std::errc parse_text(std::string_view text, T& value, Base... base) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  return error == std::errc() && end != text.data() + text.size() ? std::errc::invalid_argument : error;
}

// The next three read a text and say what is wrong with it, or nothing. Most numbers end as float32, so what is larger is refused.
[[nodiscard]] std::string read_number(const std::string& text, double& value);
[[nodiscard]] std::string read_fraction(const std::string& text, double& value);  // 8/255, or a number
// Decimal, or hexadecimal behind 0x; signed ones up to 10^15, so that there is room for sums and products of counts.
[[nodiscard]] std::string read_whole(const std::string& text, std::int64_t& value);
[[nodiscard]] std::string read_whole(const std::string& text, std::uint64_t& value);

}  // namespace kelvin
