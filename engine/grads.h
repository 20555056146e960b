// What the backward function of an op is given: the gradients it may be asked for, by the position of its inputs in `record`.
#pragma once

#include <vector>

#include "engine/gradient_slot.h"

namespace kelvin {

class Grads {
 public:
  // `inputs`: for each input of the op its slot, or -1.
  Grads(std::vector<GradientSlot>& slots, GradientBatch& batch, const std::vector<int>& inputs)
      : slots_(slots), batch_(batch), inputs_(inputs) {}

  // Whether input i leads to something watched: compute nothing that is not wanted.
  [[nodiscard]] bool wants(int i) const { return inputs_[static_cast<std::size_t>(i)] >= 0; }
  // Adds g to the gradient of input i (does nothing when it is not wanted). g has as many elements as the input.
  void add(int i, const Tensor& g);
  // Memory for the float32 gradient of input i, as large as `input`, to be written whole and handed to `add`. A parameter's own gradient
  // if that is to be replaced, so that it need not be added afterwards; new memory otherwise.
  [[nodiscard]] Tensor room(int i, const Tensor& input);
  // The gradient of input i so far, for a kernel that adds to it in place, after which there is nothing left to `add`; often empty.
  [[nodiscard]] Tensor sum_so_far(int i, DType dtype) const;
  // The device on which to launch what makes a parameter's gradient in `room`, perhaps beside what follows, from tensors that it `reads`.
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
