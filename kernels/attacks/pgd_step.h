// The steps of projected gradient descent on images (Madry et al. 2018, 1706.06083), in place, image by image.
//
//   L∞: x ← clip(x + step·sign(g)), sign(0) = 0          clip: onto [x0 − ε, x0 + ε] and [0, 1]
//   L2: x ← project(x + step·g/‖g‖₂), a zero gradient does not move its image; onto the ball ‖x − x0‖₂ ≤ ε, then [0, 1]
//
// A targeted attack descends: give a negative step. L∞ bounds are rounded inwards, so |x − x0| ≤ ε holds in exact arithmetic
// for the float32 numbers stored; the L2 norm may exceed ε by float32 rounding (a factor of 1 + 1e-6). Deterministic.
// x, x0, g, m: float32 [N, H, W, C], x0 in [0, 1].
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/philox.h"
#include "kernels/device/view.h"

namespace kelvin {

struct PgdOptions {
  float eps = 8.0f / 255.0f;
  float step = 2.0f / 255.0f;
  float decay = 0;  // of the momentum, if there is one
};

void pgd_step_linf(Cpu, View<float> x, View<const float> x0, View<const float> g, const PgdOptions& options);
void pgd_step_linf(const Cuda&, View<float> x, View<const float> x0, View<const float> g, const PgdOptions& options);
void pgd_step_l2(Cpu, View<float> x, View<const float> x0, View<const float> g, const PgdOptions& options);
void pgd_step_l2(const Cuda&, View<float> x, View<const float> x0, View<const float> g, const PgdOptions& options);

// The momentum of MI-FGSM (Dong et al. 2018, 1710.06081), along which a step goes instead of g: m ← decay·m + g / mean|g|.
// A gradient that is all zero adds nothing, and neither does one with NaN. (A division by 0 would fill the image with NaN,
// which later comparisons count as robust.) Sums in double in a fixed order.
void add_to_momentum(Cpu, View<float> m, View<const float> g, float decay);
void add_to_momentum(const Cuda&, View<float> m, View<const float> g, float decay);

// x = a random point of the ball around x0, clipped to [0, 1]: uniform in the cube (L∞); a Gaussian direction with a radius
// uniform in [0, ε] (L2, torchattacks' rule). The numbers depend on (key, indices[i], pixel) only; indices [N] are the images'
// positions in their set, so batches of any size give the same start.
void random_start_linf(Cpu, View<float> x, View<const float> x0, View<const std::int32_t> indices, RandomKey key,
                       float eps);
void random_start_linf(const Cuda&, View<float> x, View<const float> x0, View<const std::int32_t> indices,
                       RandomKey key, float eps);
void random_start_l2(Cpu, View<float> x, View<const float> x0, View<const std::int32_t> indices, RandomKey key,
                     float eps);
void random_start_l2(const Cuda&, View<float> x, View<const float> x0, View<const std::int32_t> indices, RandomKey key,
                     float eps);

// Per image: the largest |g| and the share of coordinates that are exactly 0. [N] each.
void gradient_statistics(Cpu, View<float> max_abs, View<float> zero_share, View<const float> g);
void gradient_statistics(const Cuda&, View<float> max_abs, View<float> zero_share, View<const float> g);

// Per image: ‖a − b‖∞ and ‖a − b‖₂. [N] each.
void image_distance(Cpu, View<float> linf, View<float> l2, View<const float> a, View<const float> b);
void image_distance(const Cuda&, View<float> linf, View<float> l2, View<const float> a, View<const float> b);

}  // namespace kelvin
