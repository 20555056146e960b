// Sums over the ranks of a parallel run (processes.h).
//
//   values <- Σ_r values of rank r          on every rank
//
// CPU: over the transport, added in rank order, so that the bits depend on the number of ranks alone. GPU: by NCCL (libraries/nccl), whose
// order is fixed for a fixed number of ranks and machines (ring); in the turn of the device's stream, and a recorded step may hold it if the steps of
// all ranks do (device/step_graph.h, device/side_stream.h). With one rank nothing happens. Collective; `where` is for the message of a wait that
// ends without result.
//
// On the GPU the host learns of a lost rank where it next waits for its GPU (device/host_wait.h): then it ends NCCL's work and throws.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void all_reduce_sum(Cpu, View<float> values, const char* where);
void all_reduce_sum(const Cuda&, View<float> values, const char* where);

// Joins the GPUs of all ranks, once, before a step is recorded; otherwise the first sum does. Collective. A mistake where NCCL is missing.
inline void open_all_reduce(Cpu) {}
void open_all_reduce(const Cuda&);

}  // namespace kelvin
