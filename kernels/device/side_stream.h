// Streams for work whose result is needed late: filter gradients, and sums over the ranks of a parallel run. They run at the same time as the rest
// of the backward pass and use the multiprocessors that its short kernels leave idle.
//
//   const Device beside = on(device, [](const auto& dev) { return fork_side(dev); });     // waits for what has been launched so far
//   on(beside, [&](const auto& dev) { matmul(dev, dw, dy, x, ...); });                    // what is launched on `device` now does not wait for it
//   on(device, [](const auto& dev) { join_side(dev); });                                  // what is launched from here on does
//
// Only while a step is recorded (step_graph.h). Otherwise, and on the CPU, `beside` is the device itself and all work is in order, so that plans
// are timed and profiles taken without other work. The arrays that the work reads and writes must live until join_side; its scratch memory
// (pool_block.h, on `beside`) goes back to the pool then. Reductions over blocks (last_block.h) may run on the main stream only.
#pragma once

#include "kernels/device/device.h"

namespace kelvin {

enum class Side { gradients, exchange };  // each has a stream of its own

inline Device fork_side(Cpu, Side = Side::gradients) { return {}; }
[[nodiscard]] Device fork_side(const Cuda& cuda, Side side = Side::gradients);
inline void join_side(Cpu, Side = Side::gradients) {}
void join_side(const Cuda& cuda, Side side = Side::gradients);  // does nothing without work on that stream
// After a failed recording: discards the side streams' part of it.
void abandon_side(const Cuda& cuda);

}  // namespace kelvin
