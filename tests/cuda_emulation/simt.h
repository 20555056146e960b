// A small SIMT machine on the host: runs a kernel's thread function once for every CUDA thread, on fibers.
//
// Blocks run one after another on one operating-system thread, a fiber yields only at barriers and warp collectives, and `config` decides the
// order. In random order (lanes of all warps mixed, or whole warps far ahead of others) two faults give a wrong result for most seeds: a block
// that reads what another block writes, and a missing barrier. For ThreadSanitizer every fiber is a thread, and barriers are its only
// synchronisation; so a missing barrier is reported as a data race even if the values are right. Misuse ends the program with a message that
// names block, thread, file and line: threads of a block at different barriers, a barrier that some threads never reach, a shuffle from a lane
// outside the mask, a mask without the caller.
//
// Not emulated: concurrent blocks, grid-wide barriers, inline PTX, textures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

namespace simt {

struct Index {
  unsigned x, y, z;
};

// The position of the running thread; the builtins threadIdx, blockIdx, blockDim and gridDim are its members.
struct Position {
  Index thread, block, block_size, grid_size;
};
extern Position here;
[[nodiscard]] int lane();

enum class Order { forward, reverse, random };
struct Config {
  Order order = Order::random;
  std::uint64_t seed = 1;
};
Config& config();

// Calls `thread` for every thread of every block; returns when all have ended. Every block has `shared_bytes` of dynamic shared memory.
void run(Index grid, Index block, std::size_t shared_bytes, const std::function<void()>& thread);

// The running block's dynamic shared memory, with the size of the launch, between red zones of the address sanitizer; NaN at first.
[[nodiscard]] void* dynamic_shared();

// Ends the program with a message: the fault of the running kernel, its block, and the positions of its threads.
[[noreturn]] void stop(const char* what);

void block_barrier(const char* file, int line);
enum class Vote { any, all, count };
[[nodiscard]] int block_vote(bool predicate, Vote vote);

// Waits until every lane of `mask` has arrived, then gives each its result.
void warp_barrier(unsigned mask);
[[nodiscard]] unsigned warp_ballot(unsigned mask, bool predicate);
[[nodiscard]] std::uint64_t warp_exchange(unsigned mask, std::uint64_t value, int source_lane);

// A shuffle of any type of at most eight bytes.
template <class T>
T shuffle(unsigned mask, T value, int source_lane) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warp_exchange(mask, bits, source_lane);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace simt
