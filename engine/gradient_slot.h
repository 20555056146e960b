// Where the gradient of one tensor is collected while a tape walks back.
#pragma once

#include "engine/gradient_batch.h"
#include "engine/tensor.h"

namespace kelvin {

enum class GradientKind {
  passing,    // of an op's output: passed on, then dropped
  watched,    // kept as long as the tape
  parameter,  // lies in the parameters' own buffer; what comes is added to it
  replaced    // the same, but what lies there does not count: what comes first takes its place
};

struct GradientSlot {
  Shape shape;
  DType dtype = DType::f32;
  Device device;
  GradientKind kind = GradientKind::passing;
  Tensor gradient;  // empty until something is added

  // Adds g, at once or with the batch. A gradient made in the memory that `room` gave is there already.
  void add(Tensor g, GradientBatch& batch);
  // Memory for a float32 gradient that a kernel writes whole: a parameter's own if that is to be replaced, otherwise new.
  [[nodiscard]] Tensor room();
  // The gradient so far, for a kernel that adds to it; empty if there is none of this type or somebody else holds it.
  [[nodiscard]] Tensor sum_so_far(DType type) const;
  // Zeros where nothing took the place of what was to be replaced.
  void finish();
};

}  // namespace kelvin
