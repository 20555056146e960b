// Libraries that do not look whether an allocation failed are called only where there is room for what they allocate.
#pragma once

#include <cstddef>

#include "kernels/device/device.h"

namespace kelvin {

// Throws Error with ExitCode::out_of_memory where `bytes` more cannot be had. Costs nothing where no limit on memory is set: there an
// allocation does not fail.
void require_headroom(Cpu, std::size_t bytes);

}  // namespace kelvin
