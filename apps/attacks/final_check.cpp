#include "apps/attacks/final_check.h"

#include <algorithm>
#include <cmath>

#include "kernels/device/exact.h"

namespace kelvin {
namespace {

constexpr double kRounding = 1e-5;

}  // namespace

void FinalCheck::add(const Tensor& clean, const Tensor& adversarial) {
  const std::vector<float> x0 = clean.to_host<float>(), x = adversarial.to_host<float>();
  const auto n = static_cast<std::size_t>(clean.dim(0));
  const std::size_t size = n > 0 ? x.size() / n : 0;
  for (std::size_t image = 0; image < n; ++image) {
    double largest = 0, squares = 0;
    for (std::size_t i = image * size; i < (image + 1) * size; ++i) {
      if (!std::isfinite(x[i])) {
        ++not_finite_;
        continue;
      }
      lowest_ = std::min(lowest_, x[i]);
      highest_ = std::max(highest_, x[i]);
      const double d = static_cast<double>(x[i]) - static_cast<double>(x0[i]);
      largest = std::max(largest, std::abs(d));
      squares += d * d;
    }
    furthest_ = std::max(furthest_, norm_ == Norm::linf ? largest : std::sqrt(squares));
  }
  count_ += clean.dim(0);
}

void FinalCheck::finish(AttackResult& result) const {
  if (count_ == 0) return;
  result.lowest_pixel = lowest_;
  result.highest_pixel = highest_;
  result.not_finite = not_finite_;
  if (not_finite_ > 0)
    result.warnings.push_back(str(not_finite_, " pixels of the returned images are NaN or infinite"));
  if (lowest_ < 0 || highest_ > 1)
    result.warnings.push_back(str("returned pixels reach from ", lowest_, " to ", highest_, ", outside [0, 1]"));
  if (furthest_ > static_cast<double>(eps_) * (1 + kRounding))
    result.warnings.push_back(str("a returned image is ", exact(static_cast<float>(furthest_)),
                                  " away from its clean one, eps is ", exact(eps_)));
}

}  // namespace kelvin
