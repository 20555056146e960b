// Keeps the GPU's stream busy with an idle kernel while the host queues work, which then runs without pauses. A time measured after it is the
// GPU's and not that of the host's calls, which take as long as a small kernel. Included by .cu files only.
#pragma once

#include "kernels/device/cuda.h"

namespace kelvin {

// For about `milliseconds`: the GPU's clock rate varies.
void hold_stream(const Cuda& cuda, double milliseconds);

}  // namespace kelvin
