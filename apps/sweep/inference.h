// Inference over seeds: would a difference between two settings hold for other trainings?
//
// For every seed s there is one pair: a model of the row and one of the baseline, trained with the same seed. d[s] is the difference of their
// figures, row − baseline. For shares of images there is also d[s][i], the difference on image i; d[s] is its mean over the images.
//
// Sources: paired t test, Student 1908 (Biometrika 6:1); two one-sided tests, Schuirmann 1987 (Journal of Pharmacokinetics and
// Biopharmaceutics 15:657); bootstrap of crossed factors, Owen 2007 (Annals of Applied Statistics 1:386); sums of variances with different
// degrees of freedom, Banerjee 1960 (Sankhya 22:357).
#pragma once

#include <vector>

namespace kelvin {

struct Interval {
  double low = 0, high = 0;
};

// Two-sided test of "the mean difference is 0" with its 95 % interval, for other seeds and these images.
struct PairedT {
  double mean = 0, error = 0;  // mean difference, its standard error
  double t = 0, df = 0, p = 1;
  Interval interval;
};
// At least two differences. If all are equal, they do not show how much seeds vary: then p is 1, and the interval has no width.
[[nodiscard]] PairedT paired_t(const std::vector<double>& d);

// p of "the mean difference is −margin or less, or margin or more" (two one-sided t tests): a small one says that it is smaller than the margin
// in absolute value. 1 if all differences are equal.
[[nodiscard]] double equivalence_p(const PairedT& test, double margin);

// The variance of the mean of d[s][i], with seeds and images both drawn at random, in its three estimated parts. With A, B and E the deviations
// of the rows, of the columns, and what is left of d after both:
//
//   seeds = Σ A² / (n (n − 1))    images = Σ B² / (m (m − 1))    interaction = Σ E² / (n m (n − 1) (m − 1))
//
// The bootstrap that draws seeds and images independently (Owen's pigeonhole bootstrap) has, with unlimited resamples, the variance
// Σ A² / n² + Σ B² / m² + Σ E² / (n m)²: too small by (n − 1) / n in the seeds, which matters with few of them, and it counts the interaction
// three times. The parts here are each unbiased for its own mean square; variance() is unbiased for the whole, up to the max.
struct CrossedVariance {
  double seeds = 0, images = 0, interaction = 0;
  [[nodiscard]] double image_part() const { return images > interaction ? images - interaction : 0; }
  [[nodiscard]] double variance() const { return seeds + image_part(); }
};
// d: at least two seeds, each with the same images, at least two.
[[nodiscard]] CrossedVariance crossed_variance(const std::vector<std::vector<double>>& d);

// 95 % interval of the mean of d for other seeds and other images: mean ± √(t²(n − 1) · seeds + t²(m − 1) · image_part()), with the t quantile of
// each part's own degrees of freedom. The coverage of such an interval is not below its level (Banerjee 1960: the distribution function of χ²
// with one degree of freedom is concave, so Jensen's inequality applies). It always contains the interval of paired_t.
[[nodiscard]] Interval crossed_interval(const std::vector<std::vector<double>>& d);

}  // namespace kelvin
