// A faster way can be ruled out from outside, to compare results and speed with the plain one.
#pragma once

#include <cstdlib>
#include <string_view>

namespace kelvin {

// False with `setting`=0 in the environment: KELVIN_WINOGRAD, KELVIN_SPLIT_PRODUCTS, KELVIN_FUSED_ATTENTION, KELVIN_GRAPH. Asked anew whenever a
// way is chosen, so that a test can compare both in one process.
[[nodiscard]] inline bool is_allowed(const char* setting) {
  const char* const value = std::getenv(setting);
  return value == nullptr || std::string_view(value) != "0";
}

}  // namespace kelvin
