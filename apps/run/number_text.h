// Reads numbers that people write. The whole text must be a number: a sign is allowed, spaces are not; nan and inf as from_chars reads them.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace kelvin {

// Returns std::errc() if the text is a number.
template <class T, class... Base>
[[nodiscard]] std::errc parse_text(std::string_view text, T& value, Base... base) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  return error == std::errc() && end != text.data() + text.size() ? std::errc::invalid_argument : error;
}

// The next functions read a number and return what is wrong with the text, or an empty text. Most numbers become float32, so larger ones are
// refused.
[[nodiscard]] std::string read_number(const std::string& text, double& value);
[[nodiscard]] std::string read_fraction(const std::string& text, double& value);  // 8/255, or a number
// Decimal, or hexadecimal after 0x. Signed numbers go up to 10^15, so that sums and products of counts do not overflow.
[[nodiscard]] std::string read_whole(const std::string& text, std::int64_t& value);
[[nodiscard]] std::string read_whole(const std::string& text, std::uint64_t& value);

}  // namespace kelvin
