// What trainings at several temperatures can say: a model is one draw from its recipe, so only several trainings say what another one would give.
//
// Sources: Welch 1947 (Biometrika 34:28), Kendall 1938 (Biometrika 30:81).
#pragma once

#include <vector>

namespace kelvin {

struct MeanDifference {
  double size = 0, low = 0, high = 0;  // mean(a) − mean(b), its 95 % interval
};
// For other trainings of two recipes: Welch's interval, of unequal variances. At least two figures each; SciPy's
// ttest_ind(a, b, equal_var=False).confidence_interval().
[[nodiscard]] MeanDifference welch_interval(const std::vector<double>& a, const std::vector<double>& b);

// Do y rise or fall with x, one pair a training? Under "x plays no part" every order of the y is equally probable.
struct Trend {
  double tau_a = 0;  // (concordant − discordant pairs) / all pairs, −1 to 1
  double p = 1;      // of at least as strong a trend, of either sign
};
// Exact up to 8 pairs: all orders are counted, also where numbers repeat. Beyond, the normal distribution with the variance of S for repeated
// numbers (Kendall's Rank Correlation Methods, 1970, section 4; SciPy's kendalltau(method="asymptotic")). p is 1 for fewer than two pairs.
[[nodiscard]] Trend trend_of(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace kelvin
