#include "tests/cuda_emulation/memory.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

namespace simt {
namespace {

constexpr std::size_t kReserved = std::size_t{256} << 30;  // addresses, not memory
constexpr std::size_t kQuarantine = std::size_t{32} << 20;
constexpr std::size_t kFilled = std::size_t{1} << 20;  // of a new block; the rest of a large one is zero
constexpr std::size_t kPage = 4096;

[[noreturn]] void stop(const char* what) {
  std::fprintf(stderr, "emulated device: %s\n", what);
  std::abort();
}

int depth = 0;  // of DeviceAccess

std::size_t capacity() {
  static const std::size_t bytes = [] {
    const char* const asked = std::getenv("KELVIN_EMULATION_MEMORY");
    return asked != nullptr ? std::strtoull(asked, nullptr, 10) : std::size_t{8} << 30;
  }();
  return bytes;
}

struct Block {
  std::size_t bytes, extent;  // as requested; including the red zone after it
};

class Arena {
 public:
  Arena() {
    void* const range = mmap(nullptr, kReserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) stop("no address range for its memory");
    base_ = static_cast<std::byte*>(range);
  }

  [[nodiscard]] bool contains(const void* address) const { return address >= base_ && address < base_ + kReserved; }

  [[nodiscard]] bool holds(const void* address, std::size_t bytes) const {
    const auto* const p = static_cast<const std::byte*>(address);
    const auto after = live_.upper_bound(const_cast<std::byte*>(p));
    if (after == live_.begin()) return false;
    const auto& [block, size] = *std::prev(after);
    return p + bytes <= block + size.bytes;
  }

  [[nodiscard]] std::size_t offset_in_block(const void* address) const {
    const auto* const p = static_cast<const std::byte*>(address);
    const auto after = live_.upper_bound(const_cast<std::byte*>(p));
    return after == live_.begin() ? 0 : static_cast<std::size_t>(p - std::prev(after)->first);
  }

  void protect(bool protects) const {
    if (top_ > 0 && mprotect(base_, top_, protects ? PROT_NONE : PROT_READ | PROT_WRITE) != 0)
      stop("its memory cannot be protected");
  }

  void* allocate(std::size_t bytes) {
    const std::size_t extent = (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment + kDeviceAlignment;
    if (extent > capacity() || in_use_ + extent > capacity()) return nullptr;
    std::byte* const block = find(extent);
    if (block == nullptr) return nullptr;
    in_use_ += extent;
    live_[block] = {bytes, extent};
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    fill(block, std::min(bytes, kFilled));
    ASAN_POISON_MEMORY_REGION(block + bytes, extent - bytes);
    return block;
  }

  void free(void* address) {
    const auto found = live_.find(static_cast<std::byte*>(address));
    if (found == live_.end()) stop("cudaFree of what is no live block");
    const Block block = found->second;
    live_.erase(found);
    in_use_ -= block.extent;
    ASAN_POISON_MEMORY_REGION(address, block.extent);
    // Whole pages go back to the system: what is there need not be protected.
    const std::size_t first = whole_pages(offset(address) + kPage - 1),
                      end = whole_pages(offset(address) + block.extent);
    if (first < end) madvise(base_ + first, end - first, MADV_DONTNEED);
    free_[block.extent].push_back(static_cast<std::byte*>(address));
    freed_ += block.extent;
  }

 private:
  // A freed block of this size once enough has been freed since, or fresh memory.
  std::byte* find(std::size_t extent) {
    if (freed_ > kQuarantine)
      if (const auto found = free_.find(extent); found != free_.end() && !found->second.empty()) {
        std::byte* const block = found->second.front();
        found->second.pop_front();
        freed_ -= extent;
        return block;
      }
    if (top_ + extent > kReserved) return nullptr;
    std::byte* const block = base_ + top_;
    top_ += extent;
    return block;
  }

  [[nodiscard]] std::size_t offset(const void* address) const {
    return static_cast<std::size_t>(static_cast<const std::byte*>(address) - base_);
  }
  static std::size_t whole_pages(std::size_t bytes) { return bytes / kPage * kPage; }

  // With NaN, opening the block's pages alone where the device has no access.
  void fill(std::byte* block, std::size_t bytes) const {
    const std::size_t first = whole_pages(offset(block)), end = whole_pages(offset(block) + bytes + kPage - 1);
    if (depth == 0 && end > first) mprotect(base_ + first, end - first, PROT_READ | PROT_WRITE);
    std::memset(block, 0xff, bytes);
    if (depth == 0 && end > first) mprotect(base_ + first, end - first, PROT_NONE);
  }

  std::byte* base_ = nullptr;
  std::size_t top_ = 0, in_use_ = 0, freed_ = 0;
  std::map<std::byte*, Block> live_;
  std::map<std::size_t, std::deque<std::byte*>> free_;  // by extent, longest freed first
};

// Never destroyed: tensors with static storage are freed after main.
Arena& arena() {
  static Arena* const instance = new Arena;
  return *instance;
}

std::map<const std::byte*, std::size_t>& pinned() {
  static auto* const blocks = new std::map<const std::byte*, std::size_t>;
  return *blocks;
}

}  // namespace

DeviceAccess::DeviceAccess() {
  if (depth++ == 0) arena().protect(false);
}
DeviceAccess::~DeviceAccess() {
  if (--depth == 0) arena().protect(true);
}

void* device_allocate(std::size_t bytes) { return arena().allocate(bytes); }
void device_free(void* block) { arena().free(block); }
bool device_holds(const void* address, std::size_t bytes) { return arena().holds(address, bytes); }
std::size_t device_offset(const void* address) { return arena().offset_in_block(address); }
bool is_device_memory(const void* address) { return arena().contains(address); }

void* pinned_allocate(std::size_t bytes) {
  auto* const block = static_cast<std::byte*>(std::malloc(bytes));
  pinned()[block] = bytes;
  return block;
}

void pinned_free(void* block) {
  pinned().erase(static_cast<std::byte*>(block));
  std::free(block);
}

bool is_pinned_memory(const void* address) {
  const auto* const p = static_cast<const std::byte*>(address);
  const auto after = pinned().upper_bound(p);
  if (after == pinned().begin()) return false;
  const auto& [block, bytes] = *std::prev(after);
  return p < block + bytes;
}

}  // namespace simt
