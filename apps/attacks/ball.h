// The ε-ball around an image and the pixel box, for attacks that keep their state in host memory: moves, projections, starts.
//
// L∞ bounds are those of kernels/attacks/pgd_bounds.h: they are rounded inwards, so that the stored float32 numbers never leave the ball. The
// L2 norm may exceed ε by float32 rounding.
#pragma once

#include <span>
#include <vector>

#include "apps/attacks/victim.h"
#include "engine/ops/attack_steps.h"

namespace kelvin {

struct Ball {
  Norm norm = Norm::linf;
  float eps = 8.0f / 255.0f;

  // x ← x + step·sign(g), or step·g/‖g‖₂; a zero gradient moves nothing.
  void ascend(std::span<float> x, std::span<const float> gradient, float step) const;
  // Onto the ball around x0, then [0, 1].
  void project(std::span<float> x, std::span<const float> x0) const;
  // Croce & Hein's start, x0 + ε·t/‖t‖, clipped to [0, 1]. L∞: t uniform in (−1, 1) and ‖·‖∞; L2: t normal and ‖·‖₂.
  [[nodiscard]] std::vector<float> start_on_surface(std::span<const float> x0, const ImageRandom& random) const;
  // Uniform in the L∞ ball; L2: a uniform direction times a uniform radius. Clipped to [0, 1].
  [[nodiscard]] std::vector<float> start_inside(std::span<const float> x0, const ImageRandom& random) const;
  [[nodiscard]] float distance(std::span<const float> x, std::span<const float> x0) const;
  [[nodiscard]] float length(std::span<const float> move) const;  // in the ball's norm

 private:
  [[nodiscard]] std::vector<float> direction(std::size_t size, const ImageRandom& random) const;
};

// [k][i]: for k = 0 the label of image i, then its other classes from the largest clean logit to the smallest. For a
// correctly classified image that is the class of rank k + 1. Of equal logits the first class comes first.
[[nodiscard]] std::vector<std::vector<std::int32_t>> classes_by_logit(const Victim& victim, const ImageBatch& images);

}  // namespace kelvin
