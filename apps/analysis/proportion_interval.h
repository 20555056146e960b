// How well a share is known that was counted on some images.
#pragma once

#include <cstdint>

namespace kelvin {

struct ProportionInterval {
  double low = 0, high = 1;
};

// The exact interval of Clopper & Pearson (1934, Biometrika 26:404) for a share of which k among n were counted: the p at which no tail of
// Binomial(n, p) at k falls below (1 − level)/2. It holds the true share with probability `level` or more. SciPy's
// binomtest(k, n).proportion_ci(level, "exact").
[[nodiscard]] ProportionInterval clopper_pearson(std::int64_t k, std::int64_t n, double level);

}  // namespace kelvin
