// CRC-32C (Castagnoli, RFC 3720 appendix B.4): reflected polynomial 0x82F63B78, initial value and final exclusive or 0xFFFFFFFF.
#pragma once

#include <cstdint>
#include <string_view>

namespace kelvin {

[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

// As the records of TensorBoard's event files hold it: rotated right by 15 bits, plus 0xA282EAD8.
[[nodiscard]] std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace kelvin
