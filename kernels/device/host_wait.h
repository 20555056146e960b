// How the host waits for the GPU in a parallel run: by asking again and again, so that it notices when work on the GPU never ends, because another
// process that has its part in it is lost. Included inside kernels/ only.
//
//   host_wait() = wait_and_watch;        // once; without one the host waits in the CUDA runtime
//   wait_for_stream(cuda);               // throws what wait_and_watch throws
#pragma once

#include <cuda_runtime.h>

#include <functional>

namespace kelvin {

class Cuda;

// Returns when is_done() is true.
using HostWait = void (*)(const std::function<bool()>& is_done);
HostWait& host_wait();

void wait_for_stream(const Cuda& cuda);
void wait_for_event(cudaEvent_t event);
// After the launch of a recorded step: waits until the GPU has done all but the last few. The driver's queue is finite, and a launch that waits
// for room in it could wait without end.
void limit_launches_ahead(const Cuda& cuda);

// Whether work on the GPU never ends and could not be ended: nothing may be freed there, because that waits for it. For the way out of the program.
bool& device_is_lost();

}  // namespace kelvin
