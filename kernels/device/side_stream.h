// A second stream, for work whose result nobody needs soon: filter gradients, which run beside the rest of the backward and fill the
// multiprocessors that its short kernels leave idle.
//
//   const Device beside = on(device, [](const auto& dev) { return fork_side(dev); });     // after what has been launched so far
//   on(beside, [&](const auto& dev) { matmul(dev, dw, dy, x, ...); });                    // what is launched on `device` now does not wait for it
//   on(device, [](const auto& dev) { join_side(dev); });                                  // what is launched from here on does
//
// Only while a step is recorded (step_graph.h); else, and on the CPU, `beside` is the device itself and everything keeps its order: plans are
// timed and profiles taken with nothing beside. What the work reads and writes must stay until join_side; its scratch memory (pool_block.h,
// asked for and given back on `beside`) goes back to the pool then. Reductions over blocks (last_block.h) are for the main stream alone.
#pragma once

#include "kernels/device/device.h"

namespace kelvin {

inline Device fork_side(Cpu) { return {}; }
[[nodiscard]] Device fork_side(const Cuda& cuda);
inline void join_side(Cpu) {}
void join_side(const Cuda& cuda);  // nothing to do where nothing is beside
// After a recording that failed: what was beside is forgotten with it.
void abandon_side(const Cuda& cuda);

}  // namespace kelvin
