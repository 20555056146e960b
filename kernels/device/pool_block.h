// A block of a device's pool until the end of a scope: scratch memory for a kernel.
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

// On the GPU the scope ends when the work is queued, not when it is done. That is safe: the next user of the block queues its work behind it.
class CudaBlock {
 public:
  CudaBlock(const Cuda& cuda, std::size_t bytes) : cuda_(cuda), data_(pool_allocate(cuda, bytes)), bytes_(bytes) {}
  ~CudaBlock() { pool_free(cuda_, data_, bytes_); }
  CudaBlock(const CudaBlock&) = delete;
  CudaBlock& operator=(const CudaBlock&) = delete;
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  const Cuda& cuda_;
  void* data_;
  std::size_t bytes_;
};

}  // namespace kelvin
