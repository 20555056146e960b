// Which parameters' gradients are final during a backward pass: those that no recorded step still to be walked uses. Then they can be sent to other
// processes while the pass goes on (gradient_exchange.h).
#pragma once

#include <functional>
#include <vector>

#include "engine/gradient_slot.h"

namespace kelvin {

// A parameter's gradient after its last contribution. Some of them may still be on their way: batch.finish() puts work after all.
using TellFinal = std::function<void(const Tensor& gradient, GradientBatch& batch)>;

class FinalGradients {
 public:
  // Without `tell` nothing is counted.
  FinalGradients(std::vector<GradientSlot>& slots, GradientBatch& batch, const TellFinal& tell);

  // A recorded step with these inputs (slots; -1: none); and the same step when its backward function has been called, or left out.
  void expect(const std::vector<int>& inputs);
  void walked(const std::vector<int>& inputs);

 private:
  std::vector<GradientSlot>& slots_;
  GradientBatch& batch_;
  const TellFinal& tell_;
  std::vector<int> uses_;  // of each slot, by steps still to be walked
};

}  // namespace kelvin
