// Bytes as text for HTML and JSON (RFC 4648, with padding).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace kelvin {

[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace kelvin
