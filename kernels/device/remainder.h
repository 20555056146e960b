// i mod n for indices of any size: in 32 bits where they suffice, which on a GPU is a fifth of the instructions. Neighbouring threads take the same branch.
#pragma once

#include <cstdint>

namespace kelvin {

// i ≥ 0, 0 < n < 2³¹
[[nodiscard]] constexpr std::int32_t remainder(std::int64_t i, std::int32_t n) {
  if (i <= std::int64_t{UINT32_MAX})
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(i) % static_cast<std::uint32_t>(n));
  return static_cast<std::int32_t>(i % n);
}

}  // namespace kelvin
