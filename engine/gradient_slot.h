// The gradient of one tensor during a backward pass: the contributions are added up here.
#pragma once

#include "engine/gradient_batch.h"
#include "engine/tensor.h"

namespace kelvin {

enum class GradientKind {
  passing,    // of an op's output: freed when the op's backward function has used it
  watched,    // kept as long as the tape
  parameter,  // in the parameters' flat buffer: contributions are added to its value
  replaced    // in the same buffer, whose old value is invalid: the first contribution overwrites it
};

struct GradientSlot {
  Shape shape;
  DType dtype = DType::f32;
  Device device;
  GradientKind kind = GradientKind::passing;
  Tensor gradient;  // empty until something is added

  // Adds g, now or with the batch. Does nothing if g was computed in the memory of `room`: it is already in place.
  void add(Tensor g, GradientBatch& batch);
  // Memory for a float32 gradient that a kernel overwrites completely: the parameter's own gradient where it is to be replaced, otherwise new.
  [[nodiscard]] Tensor room();
  // The gradient so far, for a kernel that adds to it in place. Empty if there is none of this type, or if another tensor shares its memory.
  [[nodiscard]] Tensor sum_so_far(DType type) const;
  // After the last contribution: writes zeros where a gradient was to be replaced and none came.
  void finish();
};

}  // namespace kelvin
