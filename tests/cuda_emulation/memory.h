// The emulated device's memory: a separate address range that only the device may access.
//
// While the host runs, the range is protected: a host function that reads or writes device memory ends the program with a segmentation fault
// at that line. (Otherwise it would work by chance, because emulated device memory is host memory.) Kernels, copies and the stand-ins of
// NVIDIA's libraries run under a `DeviceAccess`. Every block has exactly the requested size, between red zones of the address sanitizer. New
// memory is filled with 0xff (float: NaN; only the first MiB of a large block). Freed memory is poisoned and not reused before 32 MiB more
// have been freed.
#pragma once

#include <cstddef>

namespace simt {

constexpr std::size_t kDeviceAlignment = 256;  // as cudaMalloc guarantees

// nullptr if the device has no more memory: 8 GiB or KELVIN_EMULATION_MEMORY bytes.
[[nodiscard]] void* device_allocate(std::size_t bytes);
void device_free(void* block);  // ends the program if it is no live block
[[nodiscard]] bool is_device_memory(const void* address);
[[nodiscard]] bool device_holds(const void* address, std::size_t bytes);  // all of it in one live block

[[nodiscard]] std::size_t device_offset(const void* address);  // bytes from the beginning of its live block

// While such an object exists, device memory can be accessed.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

// Host memory that the device reads and writes later, when it executes the work.
[[nodiscard]] void* pinned_allocate(std::size_t bytes);
void pinned_free(void* block);
[[nodiscard]] bool is_pinned_memory(const void* address);

}  // namespace simt
