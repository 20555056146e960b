// The path of PGD, step by step: the points that `attack` with options.attack "pgd" visits on its first restart
// (apps/attacks/pgd.h). `attack` stops at the first point that is misclassified; a path goes on to the last step.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "apps/attacks/attack.h"
#include "data/tensor_batch.h"

namespace kelvin {

struct PathPoint {
  float loss = 0;                // the attack's
  float margin = 0;              // z_y − max_{j≠y} z_j
  std::int32_t prediction = 0;   // of equal logits the first class
  std::vector<float> feature{};  // f(x) [d]
};

struct AttackPath {
  std::vector<PathPoint> points;   // [steps + 1]: at the start, then after each step
  std::vector<std::int8_t> signs;  // [steps, pixels] the sign of the gradient that each step goes along: −1, 0 or 1
  // The first point that is not classified as its label; −1: none.
  [[nodiscard]] int fooled_after(std::int32_t label) const;
};

// Where the paths of a batch begin [N, H, W, C]: the random start of `attack`, or the images themselves.
[[nodiscard]] Tensor path_start(const TensorBatch& batch, const AttackOptions& options);

// Untargeted PGD in L∞ on options.loss at options.attack_tau, one path for each image of the batch. Point k + 1 is
// point k plus step·signs[k], projected onto the ball and the box (kernels/attacks/pgd_bounds.h). Deterministic.
[[nodiscard]] std::vector<AttackPath> attack_paths(Model& model, const TensorBatch& batch,
                                                   const AttackOptions& options);

}  // namespace kelvin
