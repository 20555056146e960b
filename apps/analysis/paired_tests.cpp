#include "apps/analysis/paired_tests.h"

#include <algorithm>
#include <cmath>

namespace kelvin {
namespace {

template <class P>
std::int64_t smallest(std::int64_t n, double level, const P& p_of) {
  std::int64_t b = 1;
  while (b <= n && p_of(b) > level) ++b;
  return b;
}

}  // namespace

double binomial_tail(std::int64_t k, std::int64_t n, double p) {
  if (k <= 0 || p >= 1) return k <= n ? 1 : 0;
  if (k > n || p <= 0) return 0;
  const auto count = static_cast<double>(n);
  double total = 0;
  for (std::int64_t i = n; i >= k; --i) {  // the smallest terms first
    const auto x = static_cast<double>(i);
    total += std::exp(std::lgamma(count + 1) - std::lgamma(x + 1) - std::lgamma(count - x + 1) + x * std::log(p) +
                      (count - x) * std::log1p(-p));
  }
  return std::min(total, 1.0);
}

double paired_p(std::int64_t b, std::int64_t c, std::int64_t n, double size) {
  const std::int64_t differing = b + c;
  if (differing == 0) return 1;
  const double lead = size * static_cast<double>(n) / static_cast<double>(differing);
  return binomial_tail(b, differing, std::min(0.5 + 0.5 * lead, 1.0));
}

double share_p(std::int64_t b, std::int64_t n, double size) { return binomial_tail(b, n, size); }

std::int64_t smallest_paired(std::int64_t n, double size, double level) {
  return smallest(n, level, [&](std::int64_t b) { return paired_p(b, 0, n, size); });
}

std::int64_t smallest_share(std::int64_t n, double size, double level) {
  return smallest(n, level, [&](std::int64_t b) { return share_p(b, n, size); });
}

}  // namespace kelvin
