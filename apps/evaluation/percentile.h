// Percentiles of a sample, for every figure of this program.
#pragma once

#include <vector>

namespace kelvin {

// The p-th percentile, p in [0, 100], as numpy.percentile has it by default: with the values sorted, the point p/100 of the way from
// the first to the last, linear between neighbours. The 50th is the median, the mean of the two middle values of an even count. NaN
// without values, and where one of them is NaN.
[[nodiscard]] double percentile(std::vector<double> values, double p);

}  // namespace kelvin
