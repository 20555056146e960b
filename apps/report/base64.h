// Bytes as text for HTML and JSON (RFC 4648, with padding).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kelvin {

[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);
[[nodiscard]] inline std::string base64(std::string_view bytes) {
  return base64(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

}  // namespace kelvin
