#include "apps/run/number_text.h"

#include <cmath>
#include <limits>

namespace kelvin {
namespace {

constexpr double kLargest = std::numeric_limits<float>::max(), kMostCounted = 1e15;

template <class T>
std::string read(const std::string& text, T& value) {
  if (std::is_unsigned_v<T> && text.starts_with('-')) return "must be 0 or more, got " + text;
  const bool is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::errc error =
      is_hexadecimal ? parse_text(std::string_view(text).substr(2), value, 16) : parse_text(text, value);
  const bool is_count = std::is_signed_v<T>;
  if (error == std::errc::result_out_of_range || (is_count && std::abs(static_cast<double>(value)) > kMostCounted))
    return "'" + text + "' is too large a number";
  return error == std::errc() ? "" : "'" + text + "' is no whole number";
}

}  // namespace

std::string read_number(const std::string& text, double& value) {
  const std::errc error = parse_text(text, value);
  if (error == std::errc::result_out_of_range || (std::isfinite(value) && std::abs(value) > kLargest))
    return "'" + text + "' is too large or too small a number";
  if (error != std::errc()) return "'" + text + "' is no number";
  return std::isfinite(value) ? "" : "must be a finite number, got " + text;
}

std::string read_fraction(const std::string& text, double& value) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return read_number(text, value);
  double above = 0, below = 0;
  if (parse_text(text.substr(0, slash), above) != std::errc() ||
      parse_text(text.substr(slash + 1), below) != std::errc() || below == 0)
    return "'" + text + "' is no number and no fraction such as 8/255";
  value = above / below;
  return "";
}

std::string read_whole(const std::string& text, std::int64_t& value) { return read(text, value); }
std::string read_whole(const std::string& text, std::uint64_t& value) { return read(text, value); }

}  // namespace kelvin
