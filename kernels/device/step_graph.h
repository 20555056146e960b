// A step that is recorded once and replayed: on the GPU one launch then stands for the hundreds of a training step or an attack
// iteration.
//
//   StepGraph graph(device);
//   for (...) { images.copy_from_host(...); rate.copy_from_host(...); graph.run([&] { ... forward, backward, step ... }); }
//
// The first two runs execute the step as it is, so that plans are chosen and memory is found; the third records it; from then on it is
// replayed. A step must do the same work on the same tensors every time, allocate nothing that outlives it, and read nothing back;
// what changes from step to step (images, learning rate, τ, counters) lies in tensors made before. Memory inside the step belongs to
// the graph. KELVIN_GRAPH=0 in the environment turns recording off; on the CPU `run` calls the step.
#pragma once

#include <functional>
#include <memory>

#include "kernels/device/device.h"

namespace kelvin {

class StepGraph {
 public:
  explicit StepGraph(Device device);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  void run(const std::function<void()>& step);
  // Whether the last run replayed a recording.
  [[nodiscard]] bool has_replayed() const;

 private:
  struct Recording;  // CUDA only
  Device device_;
  std::unique_ptr<Recording> recording_;
};

}  // namespace kelvin
