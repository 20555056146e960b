#include "apps/analysis/proportion_interval.h"

#include "apps/analysis/paired_tests.h"

namespace kelvin {
namespace {

// The p at which P(X ≥ k) = tail; the probability rises with p.
double lower_end(std::int64_t k, std::int64_t n, double tail) {
  double low = 0, high = 1;
  for (int halvings = 0; halvings < 60 && low < high; ++halvings) {
    const double middle = (low + high) / 2;
    (binomial_tail(k, n, middle) < tail ? low : high) = middle;
  }
  return k == 0 ? 0 : (low + high) / 2;
}

}  // namespace

ProportionInterval clopper_pearson(std::int64_t k, std::int64_t n, double level) {
  const double tail = (1 - level) / 2;
  return {lower_end(k, n, tail), 1 - lower_end(n - k, n, tail)};  // n − k of the others
}

}  // namespace kelvin
