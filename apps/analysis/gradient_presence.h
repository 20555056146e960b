// Is the gradient zero? Cross-entropy's gradient with respect to the pixels, image by image, in float32 and with the softmax in float64, at
// the image itself or at a random start.
//
// The gradient with respect to the logits, p − e_y, vanishes: p_y − 1 rounds to 0 if the label leads by more than 17 (float32) or 37
// (float64), and every p_j underflows beyond 104 or 745. The gradient with respect to the pixels is linear in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/attacks/attack.h"
#include "apps/attacks/victim.h"

namespace kelvin {

struct GradientPresence {
  std::int64_t images = 0;                 // number of correctly classified images; only these are measured
  double zero_images = 0;                  // share of them whose gradient is exactly 0 in every pixel
  double zero_coordinates = 0;             // mean share of pixels where it is exactly 0
  std::vector<std::uint8_t> is_zero = {};  // for each image of the set; 0 for errors
};

enum class SoftmaxPrecision { float32, float64 };

struct GradientPlace {
  SoftmaxPrecision precision = SoftmaxPrecision::float32;
  double tau = 1;
  bool at_random_start = false;  // uniform in the ball of `attack`, by its seed
};

[[nodiscard]] GradientPresence gradient_presence(Model& model, const ImageSet& set, const AttackOptions& attack,
                                                 const GradientPlace& place);

// The gradient of cross-entropy with respect to the logits in float64, p − e_y with p = softmax(logits/τ), divided by its largest entry so
// that it fits into float32. This positive factor changes no sign step and no normalised step. Zeros if it vanishes in float64, too.
[[nodiscard]] std::vector<float> float64_cross_entropy_weights(std::span<const float> logits, std::int32_t label,
                                                               double tau);

// The gradient with respect to the pixels, [m, size], for images shaped like those of `batch`: one forward pass for the softmax, then a forward
// and a backward pass with these weights.
[[nodiscard]] Answer float64_cross_entropy(const Victim& victim, const ImageBatch& batch, std::span<const float> pixels,
                                           std::span<const std::int32_t> labels, double tau);

}  // namespace kelvin
