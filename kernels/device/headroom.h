// Libraries that do not check their allocations are called only where enough memory is left for them.
#pragma once

#include <cstddef>

#include "kernels/device/device.h"

namespace kelvin {

// Throws Error with ExitCode::out_of_memory where `bytes` more cannot be allocated. Costs nothing where no limit on memory is set: there an
// allocation does not fail.
void require_headroom(Cpu, std::size_t bytes);

}  // namespace kelvin
