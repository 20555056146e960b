// Replaces kernels/simt/dynamic_shared.h when kernels are compiled for the emulated device.
#pragma once

#include "tests/cuda_emulation/simt.h"

namespace kelvin {

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(simt::dynamic_shared());
}

}  // namespace kelvin
