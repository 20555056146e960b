// Percentiles of a sample; every figure of this program uses this definition.
#pragma once

#include <vector>

namespace kelvin {

// The p-th percentile, p in [0, 100], as numpy.percentile computes it by default: the element at position p/100 · (n − 1) of the n sorted
// values, with linear interpolation between neighbours. The 50th is the median; for an even count, the mean of the two middle values. NaN
// if there are no values or one of them is NaN.
[[nodiscard]] double percentile(std::vector<double> values, double p);

}  // namespace kelvin
