// The bookkeeping of every memory pool: freed blocks are kept by size and reused, also for requests that need up to a third less
// (otherwise a smaller batch would need new memory from the system for every tensor). It does not touch the memory itself: each
// device supplies the two functions that allocate and free a block. Thread-safe.
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
    void* (*allocate)(std::size_t bytes);  // nullptr: no memory left
    void (*free)(void* block);
  };
  explicit BlockPool(const Memory& memory) : memory_(memory) {}

  // A block of at least `size` bytes, which is pool_block_size of the request: the smallest free block that fits, unless it is
  // more than half as large again; otherwise a new one. If the system has none, cached blocks go back to it (unless keep_all
  // was called) and it is asked again; nullptr if that fails too.
  [[nodiscard]] void* take(std::size_t size);
  void give_back(void* block, std::size_t size);
  void release_cache();
  void release_spare();  // the same, unless keep_all was called
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
  std::unordered_map<void*, std::size_t> larger_;          // sizes of blocks in use for smaller requests
  PoolUse use_;
  bool forgets_ = false, keeps_ = false;
};

// The out-of-memory error: names the request and what is in use.
[[noreturn]] void throw_out_of_memory(const char* device, std::size_t bytes, const PoolUse& use);

}  // namespace kelvin
