// A block of the CPU pool for the length of a scope: scratch memory inside a kernel.
#pragma once

#include "kernels/device/pool.h"

namespace kelvin {

class PoolBlock {
 public:
  explicit PoolBlock(std::size_t bytes) : data_(pool_allocate(Cpu{}, bytes)), bytes_(bytes) {}
  ~PoolBlock() { pool_free(Cpu{}, data_, bytes_); }
  PoolBlock(const PoolBlock&) = delete;
  PoolBlock& operator=(const PoolBlock&) = delete;
  [[nodiscard]] void* data() const { return data_; }

 private:
  void* data_;
  std::size_t bytes_;
};

}  // namespace kelvin
