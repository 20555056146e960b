// The gradients of an op's inputs, as its backward function sees them. An input is named by its position in `record`.
#pragma once

#include <vector>

#include "engine/gradient_slot.h"

namespace kelvin {

class Grads {
 public:
  // `inputs`: the slot of each input of the op; -1: its gradient is not wanted.
  Grads(std::vector<GradientSlot>& slots, GradientBatch& batch, const std::vector<int>& inputs)
      : slots_(slots), batch_(batch), inputs_(inputs) {}

  // Whether the gradient of input i is wanted, because a watched tensor depends on it. A backward function computes only those.
  [[nodiscard]] bool wants(int i) const { return inputs_[static_cast<std::size_t>(i)] >= 0; }
  // Adds g to the gradient of input i (does nothing when it is not wanted). g has as many elements as the input.
  void add(int i, const Tensor& g);
  // Memory for the float32 gradient of input i, in the shape of `input`. A kernel overwrites it completely, then `add` gets it. It is the
  // parameter's own gradient where that is to be replaced, which saves the addition; otherwise new memory.
  [[nodiscard]] Tensor room(int i, const Tensor& input);
  // The gradient of input i so far, for a kernel that adds to it in place; no `add` follows. Often empty.
  [[nodiscard]] Tensor sum_so_far(int i, DType dtype) const;
  // The device on which to compute a parameter's gradient in the memory `room` from the tensors `reads`: perhaps the side stream.
  [[nodiscard]] Device beside(int i, const Tensor& room, std::vector<Tensor> reads);

 private:
  [[nodiscard]] GradientSlot& slot(int i) const {
    return slots_[static_cast<std::size_t>(inputs_[static_cast<std::size_t>(i)])];
  }

  std::vector<GradientSlot>& slots_;
  GradientBatch& batch_;
  const std::vector<int>& inputs_;
};

}  // namespace kelvin
