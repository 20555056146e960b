#include "kernels/device/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

struct Pool {
  std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> free_blocks;  // by block size
  PoolUse use;
  bool has_guards = false;
  std::size_t guard_violations = 0;
};

// Never destroyed: tensors with static storage may outlive every other object.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

void release_cache(Pool& p) {
  for (auto& [size, blocks] : p.free_blocks)
    for (void* block : blocks) std::free(block);
  p.free_blocks.clear();
  p.use.cached = 0;
}

void* system_allocate(std::size_t size) {
  const std::size_t alignment = size >= kHugePage ? kHugePage : kAlignment;
  void* block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (block != nullptr && size >= kHugePage) madvise(block, size, MADV_HUGEPAGE);
  return block;
}

// Guards: [kAlignment guard bytes][bytes of the caller][kAlignment guard bytes].
constexpr int kGuardByte = 0xa5;

void* with_guards(void* block, std::size_t bytes) {
  auto* start = static_cast<unsigned char*>(block);
  std::memset(start, kGuardByte, bytes + 2 * kAlignment);
  std::memset(start + kAlignment, 0xff, bytes);
  return start + kAlignment;
}

void* without_guards(Pool& p, void* user_block, std::size_t bytes) {
  auto* const user = static_cast<unsigned char*>(user_block);
  const auto is_intact = [](const unsigned char* guard) {
    return std::all_of(guard, guard + kAlignment, [](unsigned char byte) { return byte == kGuardByte; });
  };
  if (!is_intact(user - kAlignment) || !is_intact(user + bytes)) ++p.guard_violations;
  return user - kAlignment;
}

}  // namespace

std::size_t pool_block_size(std::size_t bytes) {
  const std::size_t size = std::max(bytes, kAlignment);
  const std::size_t step = std::max(kAlignment, std::bit_floor(size) / 8);
  return (size + step - 1) / step * step;
}

void* pool_allocate(Cpu, std::size_t bytes) {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  const std::size_t size = pool_block_size(bytes + (p.has_guards ? 2 * kAlignment : 0));
  void* block = nullptr;
  if (auto found = p.free_blocks.find(size); found != p.free_blocks.end() && !found->second.empty()) {
    block = found->second.back();
    found->second.pop_back();
    p.use.cached -= size;
  } else {
    block = system_allocate(size);
    if (block == nullptr) {
      release_cache(p);
      block = system_allocate(size);
    }
  }
  if (block == nullptr)
    throw Error(ExitCode::out_of_memory, str("out of memory: asked for ", bytes, " bytes with ", p.use.in_use,
                                             " bytes in use; try a smaller --batch-size"));
  p.use.in_use += size;
  p.use.peak = std::max(p.use.peak, p.use.in_use);
  return p.has_guards ? with_guards(block, bytes) : block;
}

void pool_free(Cpu, void* block, std::size_t bytes) {
  if (block == nullptr) return;
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  if (p.has_guards) block = without_guards(p, block, bytes);
  const std::size_t size = pool_block_size(bytes + (p.has_guards ? 2 * kAlignment : 0));
  p.free_blocks[size].push_back(block);
  p.use.in_use -= size;
  p.use.cached += size;
}

void pool_release_cache(Cpu) {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  release_cache(p);
}

PoolUse pool_use(Cpu) {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  return p.use;
}

void pool_enable_guards(Cpu) {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  KELVIN_CHECK(p.use.peak == 0, "guards are enabled before the first allocation");
  p.has_guards = true;
}

std::size_t pool_guard_violations(Cpu) {
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  return p.guard_violations;
}

}  // namespace kelvin
