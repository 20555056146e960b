// A small SIMT machine on the host: runs a kernel's thread function once for every CUDA thread, each on a fiber of its own.
//
// Blocks run one after another on one operating-system thread, a fiber yields only at barriers and warp collectives, and `config` decides the
// order. In random order a block that needs what another one writes, and (lanes of all warps mixed, or whole warps far ahead
// of others) a missing barrier, show as a wrong result for most seeds; under ThreadSanitizer every fiber counts as a thread and barriers
// as its only synchronisation, so a missing one is reported as a data race even where the values come out right. Misuse ends the program
// with a message that names block, thread, file and line: threads of a block at different barriers, a barrier that some never reach, a
// shuffle from a lane outside the mask, a mask without the caller.
//
// Not here: blocks at the same time, grid-wide barriers, inline PTX, textures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

namespace simt {

struct Index {
  unsigned x, y, z;
};

// Where the running thread stands; the builtins threadIdx, blockIdx, blockDim and gridDim are its members.
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

// The running block's dynamic shared memory: as large as the launch asked, between red zones of the address sanitizer, NaN at first.
[[nodiscard]] void* dynamic_shared();

// Ends the program: what the running kernel has done wrong, in which block, and where its threads are.
[[noreturn]] void stop(const char* what);

void block_barrier(const char* file, int line);
enum class Vote { any, all, count };
[[nodiscard]] int block_vote(bool predicate, Vote vote);

// Waits until every lane of `mask` has come, then gives each its result.
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
