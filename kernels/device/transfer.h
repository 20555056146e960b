// All copies between host and device memory. `*_to_host` and `synchronize` wait for the device. `*_host` throw inside a step that is being
// recorded.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/device/device.h"

namespace kelvin {

inline void copy_from_host(Cpu, void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
inline void copy_to_host(Cpu, void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
inline void copy_on_device(Cpu, void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
inline void synchronize(Cpu) {}

// `from`, ordinary memory, may be reused as soon as it returns. More than 64 KiB pass through pinned memory (pinned_staging.h).
void copy_from_host(const Cuda&, void* to, const void* from, std::size_t bytes);
void copy_to_host(const Cuda&, void* to, const void* from, std::size_t bytes);  // waits
void copy_on_device(const Cuda&, void* to, const void* from, std::size_t bytes);
void synchronize(const Cuda&);  // waits for everything queued so far

}  // namespace kelvin
