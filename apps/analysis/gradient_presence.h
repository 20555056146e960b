// Is there a gradient to follow? Cross-entropy's gradient by the pixels, image by image, in float32 and with the softmax in float64, at
// the image itself or at a random start.
//
// What vanishes is the gradient by the logits, p − e_y: p_y − 1 rounds to 0 where the label leads by more than 17 (float32) or 37
// (float64), and every p_j underflows beyond 104 or 745. The rest of the network is linear in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/attacks/attack.h"
#include "apps/attacks/victim.h"

namespace kelvin {

struct GradientPresence {
  std::int64_t images = 0;      // looked at: those that the model classifies correctly
  double zero_images = 0;       // share whose gradient is exactly 0 in every pixel
  double zero_coordinates = 0;  // mean share of pixels where it is exactly 0
};

enum class SoftmaxPrecision { float32, float64 };

struct GradientPlace {
  SoftmaxPrecision precision = SoftmaxPrecision::float32;
  double tau = 1;
  bool at_random_start = false;  // uniform in the ball of `attack`, by its seed
};

[[nodiscard]] GradientPresence gradient_presence(Model& model, const ImageSet& set, const AttackOptions& attack,
                                                 const GradientPlace& place);

// The gradient of cross-entropy by the logits in float64, p − e_y with p = softmax(logits/τ), divided by its largest entry so that
// float32 holds it: a positive factor, which no sign step and no normalised step notices. Zeros where float64 has none left.
[[nodiscard]] std::vector<float> float64_cross_entropy_weights(std::span<const float> logits, std::int32_t label,
                                                               double tau);

// That gradient by the pixels of images like those of `batch`, [m, size]: one forward pass for the softmax, one to pull it back.
[[nodiscard]] Answer float64_cross_entropy(const Victim& victim, const ImageBatch& batch, std::span<const float> pixels,
                                           std::span<const std::int32_t> labels, double tau);

}  // namespace kelvin
