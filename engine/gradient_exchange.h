// Data-parallel training: the sum of the gradients over the ranks of a parallel run (kernels/processes/processes.h).
//
//   GradientExchange exchange(trained);                    // once
//   exchange.backward(tape, loss, share);                  // instead of tape.backward: afterwards every gradient is the sum over the ranks
//   tape.backward(loss, share); ... exchange.exchange();   // the same after the last of several backward passes
//
// Each rank's loss has a factor, its share of the images of the optimizer step, so that the sum is the gradient of the mean over all of them.
// The gradients travel in buckets: stretches of neighbours in the flat buffers, about 25 MB each, in a fixed order from the end of the buffer,
// where the backward pass begins. Every rank sends all of them, a rank without images zeros. Collective; with one rank nothing happens.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace kelvin {

class GradientExchange {
 public:
  // Of the gradients of these parameters, which may belong to several models.
  explicit GradientExchange(const std::vector<const Parameter*>& trained);

  // tape.backward(y, dy) and the exchange.
  void backward(Tape& tape, const Tensor& y, const Tensor& dy);
  void exchange();

  // A stretch of a flat gradient buffer that is summed at once.
  [[nodiscard]] const std::vector<Tensor>& buckets() const { return buckets_; }

 private:
  std::vector<Tensor> buckets_;
};

}  // namespace kelvin
