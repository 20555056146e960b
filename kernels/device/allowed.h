// A faster algorithm can be turned off from outside, to compare its results and speed with the plain one's.
#pragma once

#include <cstdlib>
#include <string_view>

namespace kelvin {

// Whether `setting` has this value in the environment.
[[nodiscard]] inline bool is_set(const char* setting, std::string_view value) {
  const char* const found = std::getenv(setting);
  return found != nullptr && value == found;
}

// False with `setting`=0 in the environment: KELVIN_WINOGRAD, KELVIN_SPLIT_PRODUCTS, KELVIN_FUSED_ATTENTION, KELVIN_GRAPH. Read again whenever
// an algorithm is chosen, so that a test can compare both in one process.
[[nodiscard]] inline bool is_allowed(const char* setting) { return !is_set(setting, "0"); }

}  // namespace kelvin
