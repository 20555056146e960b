// The final check of the images that an attack returns: inside the ball, inside [0, 1], finite. AutoAttack prints the same three figures.
#pragma once

#include "apps/attacks/attack.h"

namespace kelvin {

class FinalCheck {
 public:
  FinalCheck(Norm norm, float eps) : norm_(norm), eps_(eps) {}

  // Images [N, H, W, C], clean and returned. Reads both back to the host.
  void add(const Tensor& clean, const Tensor& adversarial);

  // Of all ranks; collective. Fills lowest_pixel, highest_pixel and not_finite, and adds a warning for each check that fails. The distance may exceed ε by 1e-5 of ε,
  // which allows for float32 rounding of an L2 norm; L∞ distances never exceed ε.
  void finish(AttackResult& result) const;

 private:
  Norm norm_;
  float eps_;
  struct Figures {
    float lowest = 1, highest = 0;
    double furthest = 0;
    std::int64_t not_finite = 0, count = 0;
  };
  Figures seen_;
};

}  // namespace kelvin
