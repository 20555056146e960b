// The statistics of a sweep's table: mean and deviation over seeds, and paired tests on the same images.
//
// Sources: McNemar 1947 (Psychometrika 12:153); the mid-p version of its exact test, Fagerland, Lydersen & Laake 2013 (BMC Medical
// Research Methodology 13:91), who recommend it over the exact test (too conservative) and the corrected χ²; clustered pairs,
// Durkalski et al. 2003 (Statistics in Medicine 22:2417); several comparisons, Holm 1979 (Scandinavian Journal of Statistics 6:65).
//
// A test compares the models that were trained: a small p says that the difference would not vanish on other test images. The deviation over
// seeds shows how much other seeds would change it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kelvin {

struct MeanDeviation {
  double mean = 0,
         deviation = 0;  // sample standard deviation, n − 1 in the denominator; NaN for fewer than two numbers
  int n = 0;
};
[[nodiscard]] MeanDeviation mean_deviation(const std::vector<double>& values);

// Two-sided. b and c: the number of pairs of which only the first, only the second is correct. Exact binomial mid-p:
// 2 P(X < min(b, c)) + P(X = min(b, c)) with X ~ Binomial(b + c, 1/2), at most 1; 1 when b = c.
[[nodiscard]] double mcnemar_mid_p(std::int64_t b, std::int64_t c);

// For pairs that share an image (several seeds, several corruptions) and therefore are not independent. d[k] is the sum over the pairs of image
// k of (first correct) − (second correct); every image has the same number of pairs. χ² = (Σ d)² / Σ d², one degree of freedom; with one pair
// per image it is McNemar's test without correction. 1 when no image differs.
[[nodiscard]] double clustered_mcnemar_p(std::span<const double> d);

// The p-values of several comparisons, adjusted so that the probability of any false positive keeps its level. The order is kept.
[[nodiscard]] std::vector<double> holm(const std::vector<double>& p);

}  // namespace kelvin
