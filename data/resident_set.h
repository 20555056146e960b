// A set whose pixels are in device memory, so that a step takes images by index and only indices and labels are copied to the device.
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

// The set on the device, unless it does not fit in the device's memory or is larger than 8 GiB, because training needs that memory more.
[[nodiscard]] std::optional<ResidentSet> make_resident(const ImageSet& set, Device device);

}  // namespace kelvin
