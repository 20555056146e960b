#include "kernels/device/block_pool.h"

#include <algorithm>
#include <bit>

#include "kernels/device/error.h"

namespace kelvin {

std::size_t pool_block_size(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t size = std::max(bytes, kAlignment);
  const std::size_t step = std::max(kAlignment, std::bit_floor(size) / 8);
  return (size + step - 1) / step * step;
}

void* BlockPool::take(std::size_t size) {
  const std::lock_guard lock(mutex_);
  void* block = nullptr;
  if (const auto found = free_blocks_.lower_bound(size);
      found != free_blocks_.end() && found->first <= size + size / 2) {
    block = found->second.back();
    found->second.pop_back();
    if (found->first > size) larger_[block] = found->first;
    size = found->first;
    use_.cached -= size;
    if (found->second.empty()) free_blocks_.erase(found);
  } else {
    block = memory_.allocate(size);
    if (block == nullptr && !keeps_) {
      release_cache_locked();
      block = memory_.allocate(size);
    }
  }
  if (block == nullptr) return nullptr;
  use_.in_use += size;
  use_.peak = std::max(use_.peak, use_.in_use);
  return block;
}

void BlockPool::give_back(void* block, std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (!larger_.empty())
    if (const auto lent = larger_.find(block); lent != larger_.end()) {
      size = lent->second;
      larger_.erase(lent);
    }
  use_.in_use -= size;
  if (forgets_) {
    memory_.free(block);
    return;
  }
  free_blocks_[size].push_back(block);
  use_.cached += size;
}

void BlockPool::release_cache() {
  const std::lock_guard lock(mutex_);
  release_cache_locked();
}

void BlockPool::release_spare() {
  const std::lock_guard lock(mutex_);
  if (!keeps_) release_cache_locked();
}

void BlockPool::release_cache_locked() {
  for (auto& [size, blocks] : free_blocks_)
    for (void* block : blocks) memory_.free(block);
  free_blocks_.clear();
  use_.cached = 0;
}

void BlockPool::keep_all() {
  const std::lock_guard lock(mutex_);
  keeps_ = true;
}

void BlockPool::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak = use_.in_use;
}

PoolUse BlockPool::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void throw_out_of_memory(const char* device, std::size_t bytes, const PoolUse& use) {
  throw Error(ExitCode::out_of_memory,
              message("out of memory on the ", device, ": asked for ", bytes, " bytes with ", use.in_use,
                      " bytes in use and ", use.cached, " kept for reuse; try a smaller ", "batch-size"_field));
}

}  // namespace kelvin
