// The smallest move of an image onto a hyperplane within the pixel box: the projection of FAB (Croce & Hein 2020, 1907.02044, section 3).
#pragma once

#include <span>

#include "engine/ops/attack_steps.h"

namespace kelvin {

// Computes the d with the smallest ‖d‖∞, or ‖d‖₂, such that w·(t + d) = b and t + d is in [0, 1]. If there is none, every coordinate moves to
// its bound. t, w, d: [size], t in [0, 1]. Coordinates with w_i = 0 stay; in exact arithmetic the minimiser is otherwise unique.
void project_onto_hyperplane(Norm norm, std::span<float> d, std::span<const float> t, std::span<const float> w,
                             double b);

[[nodiscard]] double dot(std::span<const float> a, std::span<const float> b);
// The norm that bounds w·d over moves with ‖d‖ ≤ 1: ‖w‖₁ for L∞, ‖w‖₂ for L2.
[[nodiscard]] double dual_norm(Norm norm, std::span<const float> w);

}  // namespace kelvin
