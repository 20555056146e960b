// Student's t distribution, from the regularised incomplete beta function I (Eigen's betainc, after Cephes).
//
//   P(T > t) = I_x(df/2, 1/2) / 2 with x = df / (df + t²), for t >= 0     (Abramowitz & Stegun 26.7.1, 26.5.27)
#pragma once

namespace kelvin {

// P(T > t), for df > 0; t may be infinite. Small probabilities keep their digits. NaN for NaN.
[[nodiscard]] double student_t_tail(double t, double df);

// The t with P(T <= t) = p, for 0 < p < 1 and df > 0, by bisection.
[[nodiscard]] double student_t_quantile(double p, double df);

}  // namespace kelvin
