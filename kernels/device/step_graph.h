// A step that is recorded once and replayed: on the GPU one launch replaces the hundreds of launches of a training step or an attack
// iteration.
//
//   StepGraph graph(device);
//   for (...) { images.copy_from_host(...); rate.copy_from_host(...); graph.run([&] { ... forward, backward, step ... }); }
//
// The first two runs execute the step directly, so that plans are chosen and memory is allocated. The third run records it; later runs replay the
// recording. A step must do the same work on the same tensors every time, allocate nothing that outlives it, and read nothing back. What
// changes from step to step (images, learning rate, τ, counters) is in tensors made before. Memory inside the step belongs to the graph.
// KELVIN_GRAPH=0 in the environment turns recording off; the error message for a step that cannot be recorded says so. On the CPU `run` calls the
// step. A step with sums over the ranks of a parallel run (processes/all_reduce.h) must be run, and so recorded and replayed, by all of them alike.
// During a recording no other thread may use the device, because all threads share its stream and its pool.
#pragma once

#include <cstdint>
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
  // How many runs of all graphs of the process were replays, for tests of code with a graph inside.
  [[nodiscard]] static std::int64_t replays();

 private:
  struct Recording;  // CUDA only
  Device device_;
  std::unique_ptr<Recording> recording_;
};

}  // namespace kelvin
