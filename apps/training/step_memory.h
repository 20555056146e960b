// The memory that a training step takes: what to say when there is not enough of it.
#pragma once

#include <cstdint>
#include <string>

#include "apps/training/learner.h"

namespace kelvin {

// Bytes of tensors that are in use at once during a step, with the weights and what the optimizer keeps: `fixed` + `per_image` · images.
struct StepMemory {
  double fixed = 0, per_image = 0;
  [[nodiscard]] double of(std::int64_t images) const { return fixed + per_image * static_cast<double>(images); }
};

// Measured by steps of 8 and of 16 images like `step`, which move the weights. Workspaces of libraries do not count.
[[nodiscard]] StepMemory measure_step_memory(Learner& learner, const Learner::Step& step, Device device);

// learner.step(step). If there is not enough memory for it, the exception says what the step takes and how many images fit.
void take_step(Learner& learner, const Learner::Step& step, const std::string& model, Device device);

}  // namespace kelvin
