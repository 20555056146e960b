// Pinned host memory as a buffer for copies to the GPU, so that the host need not wait for them.
//
// A copy from ordinary memory makes the driver wait until everything queued before it has run. Here the host copies the bytes to a pinned
// slot and continues with the next step; the stream copies them to the GPU later. Slots are used in turn. The host waits for a slot that the
// GPU has not read yet, so it runs at most `kSlots` pieces ahead. Included inside kernels/ only; one thread.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/device/cuda.h"

namespace kelvin {

class PinnedStaging {
 public:
  static constexpr std::size_t kSlotBytes = std::size_t{4} << 20;  // a CIFAR batch of 128 in float32 is 1.5 MB
  static constexpr int kSlots = 4;

  PinnedStaging() = default;
  ~PinnedStaging();
  PinnedStaging(const PinnedStaging&) = delete;
  PinnedStaging& operator=(const PinnedStaging&) = delete;

  // `from` may be reused as soon as it returns. Falls back to a plain copy where no memory can be pinned.
  void copy(cudaStream_t stream, void* to, const void* from, std::size_t bytes);

 private:
  struct Slot {
    void* memory = nullptr;
    cudaEvent_t is_read = nullptr;
  };
  [[nodiscard]] Slot* next_slot();  // ready to be written; nullptr: no memory can be pinned

  std::array<Slot, kSlots> slots_;
  int turn_ = 0;
  bool is_refused_ = false;
};

}  // namespace kelvin
