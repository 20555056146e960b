#include <algorithm>
#include <cstring>

#include "kernels/device/host_wait.h"
#include "kernels/device/pinned_staging.h"

namespace kelvin {

PinnedStaging::~PinnedStaging() {
  if (device_is_lost()) return;
  for (const Slot& slot : slots_) {
    if (slot.is_read != nullptr) cudaEventDestroy(slot.is_read);
    if (slot.memory != nullptr) cudaFreeHost(slot.memory);
  }
}

PinnedStaging::Slot* PinnedStaging::next_slot() {
  if (is_refused_) return nullptr;
  Slot& slot = slots_[static_cast<std::size_t>(turn_)];
  turn_ = (turn_ + 1) % kSlots;
  if (slot.memory == nullptr) {
    if (cudaMallocHost(&slot.memory, kSlotBytes) != cudaSuccess) {
      cudaGetLastError();  // clears it: a plain copy is only slower
      slot.memory = nullptr;
      is_refused_ = true;
      return nullptr;
    }
    KELVIN_CHECK_CUDA(cudaEventCreateWithFlags(&slot.is_read, cudaEventDisableTiming));
    return &slot;
  }
  // The GPU may still be reading the last bytes in this slot.
  wait_for_event(slot.is_read);
  return &slot;
}

void PinnedStaging::copy(cudaStream_t stream, void* to, const void* from, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t piece = std::min(bytes - done, kSlotBytes);
    std::byte* const target = static_cast<std::byte*>(to) + done;
    const std::byte* source = static_cast<const std::byte*>(from) + done;
    Slot* const slot = next_slot();
    if (slot != nullptr) source = static_cast<const std::byte*>(std::memcpy(slot->memory, source, piece));
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(target, source, piece, cudaMemcpyHostToDevice, stream));
    if (slot != nullptr) KELVIN_CHECK_CUDA(cudaEventRecord(slot->is_read, stream));
    done += piece;
  }
}

}  // namespace kelvin
