// The emulated device's memory: an address range of its own that only the device may touch.
//
// While the host runs the range is protected: a host function that reads or writes device memory, which works by chance wherever device
// memory is host memory, ends the program with a segmentation fault at the line that did it. Kernels, copies and the stand-ins of NVIDIA's
// libraries run under a `DeviceAccess`. Every block is exactly as large as asked and lies between red zones of the address sanitizer; new
// memory is filled with 0xff (float: NaN; of a large block the first MiB), freed memory is poisoned and not given out again before 32 MiB
// more have been freed.
#pragma once

#include <cstddef>

namespace simt {

constexpr std::size_t kDeviceAlignment = 256;  // what cudaMalloc promises

// nullptr: more than the device has, 8 GiB or KELVIN_EMULATION_MEMORY bytes.
[[nodiscard]] void* device_allocate(std::size_t bytes);
void device_free(void* block);  // ends the program when it is no live block
[[nodiscard]] bool is_device_memory(const void* address);
[[nodiscard]] bool device_holds(const void* address, std::size_t bytes);  // all of it in one live block

// While one lives, device memory can be used.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

// Host memory that the device reads and writes when its turn comes.
[[nodiscard]] void* pinned_allocate(std::size_t bytes);
void pinned_free(void* block);
[[nodiscard]] bool is_pinned_memory(const void* address);

}  // namespace simt
