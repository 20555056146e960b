#include "apps/attacks/final_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "kernels/device/exact.h"
#include "kernels/processes/processes.h"

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
        ++seen_.not_finite;
        continue;
      }
      seen_.lowest = std::min(seen_.lowest, x[i]);
      seen_.highest = std::max(seen_.highest, x[i]);
      const double d = static_cast<double>(x[i]) - static_cast<double>(x0[i]);
      largest = std::max(largest, std::abs(d));
      squares += d * d;
    }
    seen_.furthest = std::max(seen_.furthest, norm_ == Norm::linf ? largest : std::sqrt(squares));
  }
  seen_.count += clean.dim(0);
}

void FinalCheck::finish(AttackResult& result) const {
  Figures all;
  for (const Bytes& bytes :
       processes().gather(std::as_bytes(std::span(&seen_, 1)), "the check of an attack's images")) {
    Figures f;
    std::memcpy(&f, bytes.data(), sizeof f);
    all = {std::min(all.lowest, f.lowest), std::max(all.highest, f.highest), std::max(all.furthest, f.furthest),
           all.not_finite + f.not_finite, all.count + f.count};
  }
  if (all.count == 0) return;
  result.lowest_pixel = all.lowest;
  result.highest_pixel = all.highest;
  result.not_finite = all.not_finite;
  if (all.not_finite > 0)
    result.warnings.push_back(str(all.not_finite, " pixels of the returned images are NaN or infinite"));
  if (all.lowest < 0 || all.highest > 1)
    result.warnings.push_back(str("returned pixels reach from ", all.lowest, " to ", all.highest, ", outside [0, 1]"));
  if (all.furthest > static_cast<double>(eps_) * (1 + kRounding))
    result.warnings.push_back(str("a returned image is ", exact(static_cast<float>(all.furthest)),
                                  " away from its clean one, eps is ", exact(eps_)));
}

}  // namespace kelvin
