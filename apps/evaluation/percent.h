// Accuracies and other shares as text.
#pragma once

#include <cstdio>
#include <string>

namespace kelvin {

// "93.1 %"
[[nodiscard]] inline std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

}  // namespace kelvin
