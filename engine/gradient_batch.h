// Gradients of parameters that a GPU makes or adds better together: small additions in one launch, filter gradients beside the walk.
// On the CPU everything happens at once and in order.
#pragma once

#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

class GradientBatch {
 public:
  // Keeps a small float32 gradient for `finish` to add to `sum`, on a GPU, where its launch would take longer. False: the caller adds it.
  [[nodiscard]] bool gather(const Tensor& sum, const Tensor& g);
  // The device on which a parameter's gradient may be made beside what follows (kernels/device/side_stream.h). `reads` is kept until then.
  // One gradient at a time, so that only one layer's images are kept longer.
  [[nodiscard]] Device beside(const Device& device, std::vector<Tensor> reads);
  // What is launched from here on sees what was made beside.
  void join();
  // Joins and adds what was gathered.
  void finish();

 private:
  std::vector<std::pair<Tensor, Tensor>> gathered_;  // sum, what is added to it
  std::vector<Tensor> beside_;
};

}  // namespace kelvin
