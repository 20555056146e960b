// Accuracies, other shares, and further figures as text.
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

// "0.0123"
[[nodiscard]] inline std::string three_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

}  // namespace kelvin
