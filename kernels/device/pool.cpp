#include "kernels/device/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "kernels/device/block_pool.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

void* system_allocate(std::size_t size) {
  const std::size_t alignment = size >= kHugePage ? kHugePage : kAlignment;
  void* block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (block != nullptr && size >= kHugePage) madvise(block, size, MADV_HUGEPAGE);
  return block;
}

// Never destroyed: tensors with static storage may outlive every other object.
BlockPool& pool() {
  static BlockPool* const instance = new BlockPool({system_allocate, std::free});
  return *instance;
}

// Guards: [kAlignment guard bytes][bytes of the caller][kAlignment guard bytes].
constexpr int kGuardByte = 0xa5;
std::atomic<bool> has_guards{false};
std::atomic<std::size_t> guard_violations{0};

std::size_t framed_size(std::size_t bytes) { return pool_block_size(bytes + (has_guards ? 2 * kAlignment : 0)); }

void* with_guards(void* block, std::size_t bytes) {
  auto* start = static_cast<unsigned char*>(block);
  std::memset(start, kGuardByte, bytes + 2 * kAlignment);
  std::memset(start + kAlignment, 0xff, bytes);
  return start + kAlignment;
}

void* without_guards(void* user_block, std::size_t bytes) {
  auto* const user = static_cast<unsigned char*>(user_block);
  const auto is_intact = [](const unsigned char* guard) {
    return std::all_of(guard, guard + kAlignment, [](unsigned char byte) { return byte == kGuardByte; });
  };
  if (!is_intact(user - kAlignment) || !is_intact(user + bytes)) ++guard_violations;
  return user - kAlignment;
}

}  // namespace

void* pool_allocate(Cpu, std::size_t bytes) {
  void* const block = pool().take(framed_size(bytes));
  if (block == nullptr) throw_out_of_memory("CPU", bytes, pool().use());
  return has_guards ? with_guards(block, bytes) : block;
}

void pool_free(Cpu, void* block, std::size_t bytes) {
  if (block == nullptr) return;
  pool().give_back(has_guards ? without_guards(block, bytes) : block, framed_size(bytes));
}

void pool_release_cache(Cpu) { pool().release_cache(); }

PoolUse pool_use(Cpu) { return pool().use(); }

void pool_reset_peak(Cpu) { pool().reset_peak(); }

void pool_enable_guards(Cpu) {
  KELVIN_CHECK(pool().use().peak == 0, "guards are enabled before the first allocation");
  has_guards = true;
}

std::size_t pool_guard_violations(Cpu) { return guard_violations; }

}  // namespace kelvin
