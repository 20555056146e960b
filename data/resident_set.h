// A set whose pixels live on the device, so that a step asks for images by index and nothing but indices and labels crosses over.
// Batches are bit-equal to BatchLoader's: the same kernel gathers, augments and converts them (kernels/arrays/augment.h).
#pragma once

#include <optional>

#include "data/dataset.h"
#include "engine/tensor.h"
#include "kernels/arrays/augment.h"

namespace kelvin {

class ResidentSet {
 public:
  ResidentSet(const ImageSet& set, Device device);

  // images float32 [n, H, W, C] <- the set's images at indices int32 [n].
  void gather(const Tensor& images, const Tensor& indices, const AugmentOptions& options) const;

 private:
  Device device_;
  Tensor pixels_;  // [N, H, W, C] of uint8 or float32, as the set has them
};

// The set on the device, unless the device has no room for it or it is larger than 8 GiB, which training needs more.
[[nodiscard]] std::optional<ResidentSet> make_resident(const ImageSet& set, Device device);

}  // namespace kelvin
