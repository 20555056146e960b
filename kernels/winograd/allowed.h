// Winograd's way can be ruled out from outside, to compare results and speed with the direct sum.
#pragma once

#include <cstdlib>
#include <string_view>

namespace kelvin::winograd {

// False with KELVIN_WINOGRAD=0 in the environment. Asked when a plan is made, so that a test can compare both in one process.
[[nodiscard]] inline bool is_allowed() {
  const char* const setting = std::getenv("KELVIN_WINOGRAD");
  return setting == nullptr || std::string_view(setting) != "0";
}

}  // namespace kelvin::winograd
