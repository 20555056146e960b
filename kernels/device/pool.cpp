#include "kernels/device/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
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

}  // namespace

std::size_t pool_block_size(std::size_t bytes) {
  const std::size_t size = std::max(bytes, kAlignment);
  const std::size_t step = std::max(kAlignment, std::bit_floor(size) / 8);
  return (size + step - 1) / step * step;
}

void* pool_allocate(Cpu, std::size_t bytes) {
  Pool& p = pool();
  const std::size_t size = pool_block_size(bytes);
  const std::lock_guard lock(p.mutex);
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
  return block;
}

void pool_free(Cpu, void* block, std::size_t bytes) {
  if (block == nullptr) return;
  Pool& p = pool();
  const std::size_t size = pool_block_size(bytes);
  const std::lock_guard lock(p.mutex);
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

}  // namespace kelvin
