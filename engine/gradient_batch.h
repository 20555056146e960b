// Work on parameters' gradients that a GPU does better together: small additions in one launch, filter gradients on a side stream during the
// backward pass. On the CPU everything happens immediately and in order.
#pragma once

#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

class GradientBatch {
 public:
  // On a GPU: keeps a small float32 gradient, which `finish` adds to `sum` together with others; a launch for each would take longer. Returns
  // false where the caller has to add it.
  [[nodiscard]] bool gather(const Tensor& sum, const Tensor& g);
  // The device for computing a parameter's gradient on the side stream, while the backward pass continues (kernels/device/side_stream.h). The
  // tensors in `reads` are kept until `join`. One gradient at a time, so that only one layer's images are kept longer.
  [[nodiscard]] Device beside(const Device& device, std::vector<Tensor> reads);
  // Work that is launched after this waits for the side stream.
  void join();
  // Joins, and adds the gathered gradients.
  void finish();

 private:
  std::vector<std::pair<Tensor, Tensor>> gathered_;  // a sum and the gradient to add to it
  std::vector<Tensor> beside_;
};

}  // namespace kelvin
