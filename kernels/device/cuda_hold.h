// Keeps the GPU's stream busy with nothing, so that what the host puts on it meanwhile runs without pauses: a time measured behind it is the
// GPU's and not that of the host's calls, which take as long as a small kernel. Included by .cu files only.
#pragma once

#include "kernels/device/cuda.h"

namespace kelvin {

// About as long: clocks differ between GPUs and moments.
void hold_stream(const Cuda& cuda, double milliseconds);

}  // namespace kelvin
