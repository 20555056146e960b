// The bookkeeping behind every memory pool: blocks by size, kept when they come back and handed out again, also for requests that
// need up to a third less (a batch that shrinks would otherwise ask the system for every tensor afresh). Knows nothing of the
// memory itself; a device gives the two functions that make and unmake a block. Thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "kernels/device/pool.h"

namespace kelvin {

class BlockPool {
 public:
  struct Memory {
    void* (*allocate)(std::size_t bytes);  // nullptr: none left
    void (*free)(void* block);
  };
  explicit BlockPool(const Memory& memory) : memory_(memory) {}

  // A block of at least `size` bytes, which pool_block_size made from the request: the smallest free one that fits, unless it is
  // more than half as large again. Gives cached blocks back to the system before it gives up
  // (unless it keeps all); nullptr then.
  [[nodiscard]] void* take(std::size_t size);
  void give_back(void* block, std::size_t size);
  void release_cache();
  void release_spare();  // the same, unless it keeps all
  [[nodiscard]] PoolUse use() const;
  void reset_peak();
  // From now on no free block goes back to the system.
  void keep_all();
  // For tests: blocks go back to the system at once, so that a sanitizer sees every use after free.
  void forget_cache(bool forget) { forgets_ = forget; }

 private:
  void release_cache_locked();

  Memory memory_;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_blocks_;  // by size; no empty lists
  std::unordered_map<void*, std::size_t> larger_;          // sizes of blocks lent out for less
  PoolUse use_;
  bool forgets_ = false, keeps_ = false;
};

// The out-of-memory error: names the request and what is in use.
[[noreturn]] void throw_out_of_memory(const char* device, std::size_t bytes, const PoolUse& use);

}  // namespace kelvin
