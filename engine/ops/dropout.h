// Dropout and stochastic depth: y = x · m / (1 − rate), with a new m for every step (kernels/layers/dropout.h). Evaluation does not call
// them. rate = 0 returns x itself.
#pragma once

#include <string>

#include "engine/tensor.h"
#include "kernels/device/philox.h"

namespace kelvin {

// Where masks come from: (seed, the name of the layer, the number in `step`). The same three give the same mask, in forward, backward
// and a recomputation; two layers must not share a name.
struct DropoutSource {
  std::uint64_t seed = 0;
  Tensor step;  // [1] int32 on the device of the data: overwritten between steps, read inside them
  // The batch's place in a larger one, of which it is a part: its masks are those that it has in the whole. images: its own number.
  std::int64_t first_image = 0, images = 1;

  [[nodiscard]] RandomKey key(const std::string& layer) const { return {seed, random_stream("dropout/" + layer)}; }
};

// One draw an element. 0 <= rate < 1.
[[nodiscard]] Tensor dropout(const Tensor& x, float rate, const DropoutSource& source, const std::string& layer);
// One draw an image, x [N, ...]: a whole residual branch is kept or left out.
[[nodiscard]] Tensor drop_path(const Tensor& x, float rate, const DropoutSource& source, const std::string& layer);

}  // namespace kelvin
