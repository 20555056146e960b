#include "apps/evaluation/percentile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kelvin {

double percentile(std::vector<double> values, double p) {
  if (values.empty() || std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); }))
    return std::numeric_limits<double>::quiet_NaN();
  const double position = p / 100 * static_cast<double>(values.size() - 1), below = std::floor(position);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  const double share = position - below;
  if (share == 0) return *at;
  const double next = *std::min_element(at + 1, values.end());
  if (next == *at) return next;
  // Interpolates from the nearer neighbour, for the same rounding as NumPy.
  return share < 0.5 ? *at + (next - *at) * share : next - (next - *at) * (1 - share);
}

}  // namespace kelvin
