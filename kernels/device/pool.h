// Memory for tensors: freed blocks are kept and handed out again, because a training step asks for the same sizes
// every time and fresh pages cost more than the arithmetic on them.
//
// Blocks are 64-byte aligned and not initialised; requests are rounded up to at most 1/8 more than asked. Thread-safe.
// Throws Error with ExitCode::out_of_memory, naming the request and what is in use.
#pragma once

#include <cstddef>
#include <string>

#include "kernels/device/device.h"

namespace kelvin {

struct PoolUse {
  std::size_t in_use = 0;  // bytes held by live blocks
  std::size_t peak = 0;    // the largest in_use so far
  std::size_t cached = 0;  // bytes kept for reuse
};

[[nodiscard]] void* pool_allocate(Cpu, std::size_t bytes);
void pool_free(Cpu, void* block, std::size_t bytes);  // `bytes` as it was asked for
void pool_release_cache(Cpu);                         // gives cached blocks back to the system
[[nodiscard]] PoolUse pool_use(Cpu);
void pool_reset_peak(Cpu);  // peak = in_use: what happens from now on is measured
[[nodiscard]] void* pool_allocate(const Cuda&, std::size_t bytes);
void pool_free(const Cuda&, void* block, std::size_t bytes);
void pool_release_cache(const Cuda&);
// Gives the free blocks of the GPU's pools that no recording uses back to the system, because the CUDA runtime and NVIDIA's libraries allocate
// outside the pools. Returns whether there were any.
bool release_spare_memory();
// Throws the out-of-memory error of an allocation on the GPU outside the pools, by `what`.
[[noreturn]] void throw_out_of_memory_in(const std::string& what);
void pool_reset_peak(const Cuda&);
[[nodiscard]] PoolUse pool_use(const Cuda&);  // `cached` includes what graphs keep for their replays

// For tests, before the first allocation: from now on every block is filled with 0xff (NaN) when it is handed out and is
// framed by guard bytes that are looked at when it comes back.
void pool_enable_guards(Cpu);
[[nodiscard]] std::size_t pool_guard_violations(Cpu);  // blocks that came back with a damaged frame

// For tests of the emulated device, before the first allocation: every block is exactly as large as asked and goes back to the
// system at once, so that an address sanitizer sees each byte too far and each use too late.
void pool_use_exact_blocks(const Cuda&);

// `bytes` rounded up to the size of the block that serves it: a multiple of 1/8 of the power of two below.
[[nodiscard]] std::size_t pool_block_size(std::size_t bytes);

}  // namespace kelvin
