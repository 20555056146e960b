#include "apps/analysis/student_t.h"

#define EIGEN_DONT_PARALLELIZE  // as in the other sources that include Eigen
#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

namespace kelvin {

double student_t_tail(double t, double df) {
  if (std::isnan(t)) return t;
  if (t < 0) return 1 - student_t_tail(-t, df);
  if (std::isinf(t)) return 0;
  return 0.5 * Eigen::numext::betainc(df / 2, 0.5, df / (df + t * t));
}

double student_t_quantile(double p, double df) {
  if (p < 0.5) return -student_t_quantile(1 - p, df);
  double low = 0, high = 1;
  while (student_t_tail(high, df) > 1 - p) high *= 2;
  while (true) {
    const double middle = (low + high) / 2;
    if (middle == low || middle == high) return middle;
    (student_t_tail(middle, df) > 1 - p ? low : high) = middle;
  }
}

}  // namespace kelvin
