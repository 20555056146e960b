// Sums over the ranks of a parallel run (processes.h).
//
//   values <- Σ_r values of rank r          on every rank
//
// CPU: over the transport, added in rank order, so that the bits depend on the number of ranks alone. GPU: by NCCL (libraries/nccl), whose
// order is fixed for a fixed number of ranks and machines (ring). With one rank nothing happens. Collective; `where` is for the message of a wait
// that ends without result.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

void all_reduce_sum(Cpu, View<float> values, const char* where);
void all_reduce_sum(const Cuda&, View<float> values, const char* where);

}  // namespace kelvin
