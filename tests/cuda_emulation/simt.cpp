#include "tests/cuda_emulation/simt.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "tests/cuda_emulation/fiber.h"

namespace simt {

Position here{};

namespace {

constexpr int kWarp = 32, kMaxThreads = 1024;

enum class State { ready, at_block_barrier, at_warp_collective, finished };
enum class Collective { barrier, ballot, exchange };

// One CUDA thread of the running block.
struct Thread {
  Fiber* fiber = nullptr;  // from its start on
  Position position{};
  int index = 0;
  State state = State::finished;
  bool predicate = false;
  // of the collective it waits at
  unsigned mask = 0;
  Collective collective{};
  std::uint64_t value = 0, result = 0;
  int source = 0;
  const char* file = "";
  int line = 0;
};

struct Machine {
  Config config;
  std::vector<std::unique_ptr<Thread>> threads;  // grown to the largest block so far
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  const int *next = nullptr, *end = nullptr;  // of the threads of this pass
  int count = 0, finished = 0;                // of the running block
  Thread* current = nullptr;
  const std::function<void()>* body = nullptr;
  int votes_for = 0, voters = 0;
  std::mt19937_64 random;
  std::uint64_t launches = 0;
  std::unique_ptr<std::byte[]> shared;  // dynamic shared memory
  char block_sync = 0;                  // an address for ThreadSanitizer
} machine;

}  // namespace

void stop(const char* what) {
  const Index b = machine.threads[0]->position.block;
  std::fprintf(stderr, "emulated device: %s, in block (%u, %u, %u)\n", what, b.x, b.y, b.z);
  static constexpr const char* kNames[] = {"ready", "at __syncthreads", "at a warp collective", "finished"};
  int shown = 0;
  for (int i = 0; i < machine.count && shown < 8; ++i) {
    const Thread& t = *machine.threads[static_cast<std::size_t>(i)];
    if (i > 0) {
      const Thread& before = *machine.threads[static_cast<std::size_t>(i - 1)];
      if (before.state == t.state && before.line == t.line) continue;
    }
    ++shown;
    std::fprintf(stderr, "  from thread %d on: %s %s:%d\n", i, kNames[static_cast<int>(t.state)], t.file, t.line);
  }
  std::abort();
}

namespace {

// The next thread of this pass when it is one that has not started yet: it can use the fiber of one that has ended without waiting, and
// starts without a switch.
Thread* next_to_start() {
  if (Fiber::counts_as_thread() || machine.next == machine.end) return nullptr;
  Thread& t = *machine.threads[static_cast<std::size_t>(*machine.next)];
  if (t.state != State::ready || t.fiber != nullptr) return nullptr;
  ++machine.next;
  return &t;
}

// A fiber serves one CUDA thread after another.
void fiber_body() {
  for (;;) {
    Fiber* const self = machine.current->fiber;
    Fiber::acquire(&machine.block_sync);
    (*machine.body)();
    Fiber::release(&machine.block_sync);
    machine.current->state = State::finished;
    ++machine.finished;
    if (Thread* const t = next_to_start()) {
      t->fiber = self;
      machine.current = t;
      here = t->position;
      continue;
    }
    if (!Fiber::counts_as_thread()) machine.idle.push_back(self);
    Fiber::leave();
  }
}

Fiber* idle_fiber() {
  if (machine.idle.empty()) {
    machine.fibers.push_back(std::make_unique<Fiber>(fiber_body));
    return machine.fibers.back().get();
  }
  Fiber* const fiber = machine.idle.back();
  machine.idle.pop_back();
  return fiber;
}

void wait_as(State state) {
  machine.current->state = state;
  Fiber::leave();
}

void step(Thread& t) {
  if (t.fiber == nullptr) t.fiber = idle_fiber();
  machine.current = &t;
  here = t.position;
  t.fiber->resume();
}

// Gives every lane of the mask its result when all of them wait at the same collective; the caller counts as waiting.
bool complete_collective(Thread& caller) {
  const int first = caller.index / kWarp * kWarp, lanes = std::min(kWarp, machine.count - first);
  const unsigned mask = caller.mask & (lanes == kWarp ? ~0u : (1u << lanes) - 1);
  const auto lane_of = [&](int l) -> Thread& { return *machine.threads[static_cast<std::size_t>(first + l)]; };
  unsigned ballot = 0;
  for (int l = 0; l < lanes; ++l) {
    if (!(mask >> l & 1u)) continue;
    const Thread& t = lane_of(l);
    if (t.state == State::finished) stop("a warp collective names a lane that has ended");
    if (&t != &caller && (t.state != State::at_warp_collective || t.mask != caller.mask)) return false;
    if (&t != &caller && t.collective != caller.collective) stop("lanes of a warp wait at different collectives");
    ballot |= (t.predicate ? 1u : 0u) << l;
  }
  for (int l = 0; l < lanes; ++l) {
    if (!(mask >> l & 1u)) continue;
    Thread& t = lane_of(l);
    if (t.collective == Collective::ballot) t.result = ballot;
    if (t.collective == Collective::exchange) {
      if (t.source < lanes && !(mask >> t.source & 1u)) stop("a shuffle reads a lane outside its mask");
      t.result = t.source < lanes ? lane_of(t.source).value : t.value;
    }
    if (&t != &caller) t.state = State::ready;
  }
  return true;
}

std::uint64_t collective(unsigned mask, Collective kind, std::uint64_t value, bool predicate, int source) {
  Thread& me = *machine.current;
  if (!(mask >> (me.index % kWarp) & 1u)) stop("a lane calls a warp collective whose mask does not name it");
  me.mask = mask;
  me.collective = kind;
  me.value = value;
  me.predicate = predicate;
  me.source = source;
  void* const warp = machine.threads[static_cast<std::size_t>(me.index / kWarp * kWarp)].get();
  if (kind == Collective::barrier) Fiber::release(warp);
  if (!complete_collective(me)) wait_as(State::at_warp_collective);
  if (kind == Collective::barrier) Fiber::acquire(warp);
  return me.result;
}

void release_block() {
  machine.votes_for = machine.voters = 0;
  int line = -1;
  for (int i = 0; i < machine.count; ++i) {
    Thread& t = *machine.threads[static_cast<std::size_t>(i)];
    if (t.state != State::at_block_barrier) stop("a barrier that some threads never reach");
    if (line >= 0 && t.line != line) stop("threads of a block wait at different barriers");
    line = t.line;
    machine.votes_for += t.predicate ? 1 : 0;
    ++machine.voters;
  }
  for (int i = 0; i < machine.count; ++i) machine.threads[static_cast<std::size_t>(i)]->state = State::ready;
}

// Runs the ready threads of order[begin, end) once each; true if there were any.
bool pass(const std::vector<int>& order, std::size_t begin, std::size_t end) {
  bool any = false;
  machine.next = order.data() + begin;
  machine.end = order.data() + end;
  while (machine.next != machine.end) {
    Thread& t = *machine.threads[static_cast<std::size_t>(*machine.next++)];
    if (t.state != State::ready) continue;
    step(t);
    any = true;
  }
  return any;
}

// Warps in random order, each run as far as it gets before the next one starts.
bool pass_by_warps(std::vector<int>& order) {
  const std::size_t warps = (order.size() + kWarp - 1) / kWarp;
  std::vector<std::size_t> sequence(warps);
  std::iota(sequence.begin(), sequence.end(), 0u);
  std::shuffle(sequence.begin(), sequence.end(), machine.random);
  std::sort(order.begin(), order.end());
  bool any = false;
  for (const std::size_t w : sequence) {
    const std::size_t begin = w * kWarp, end = std::min(order.size(), begin + kWarp);
    std::shuffle(order.begin() + static_cast<std::ptrdiff_t>(begin), order.begin() + static_cast<std::ptrdiff_t>(end),
                 machine.random);
    std::vector<int> warp(order.begin() + static_cast<std::ptrdiff_t>(begin),
                          order.begin() + static_cast<std::ptrdiff_t>(end));
    while (pass(warp, 0, warp.size())) any = true;
    for (std::size_t k = begin; k < end; ++k) order[k] = static_cast<int>(k);
  }
  return any;
}

bool pass_in_order(std::vector<int>& order) {
  const Order how = machine.config.order;
  if (how == Order::random && (machine.random() & 1u)) return pass_by_warps(order);
  std::sort(order.begin(), order.end());
  if (how == Order::reverse) std::reverse(order.begin(), order.end());
  if (how == Order::random) std::shuffle(order.begin(), order.end(), machine.random);
  return pass(order, 0, order.size());
}

void run_block() {
  std::vector<int> order(static_cast<std::size_t>(machine.count));
  std::iota(order.begin(), order.end(), 0);
  machine.finished = 0;
  while (machine.finished < machine.count) {
    if (pass_in_order(order)) continue;
    // No thread can continue: either all wait at one barrier, or the kernel has deadlocked.
    const auto first = machine.threads.begin();
    if (std::any_of(first, first + machine.count, [](const auto& t) { return t->state == State::at_warp_collective; }))
      stop("deadlock: lanes wait at a warp collective that others of their mask never reach");
    release_block();
  }
}

std::vector<std::uint64_t> order_of_blocks(std::uint64_t blocks) {
  std::vector<std::uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  if (machine.config.order == Order::reverse) std::reverse(order.begin(), order.end());
  if (machine.config.order == Order::random) std::shuffle(order.begin(), order.end(), machine.random);
  return order;
}

void prepare_block(Index block, Index block_size, Index grid_size) {
  for (int i = 0; i < machine.count; ++i) {
    Thread& t = *machine.threads[static_cast<std::size_t>(i)];
    const auto u = static_cast<unsigned>(i);
    if (Fiber::counts_as_thread() && t.fiber != nullptr) machine.idle.push_back(t.fiber);
    t.fiber = nullptr;
    t.index = i;
    t.state = State::ready;
    t.file = "";
    t.line = 0;
    t.position = {{u % block_size.x, u / block_size.x % block_size.y, u / (block_size.x * block_size.y)},
                  block,
                  block_size,
                  grid_size};
  }
}

}  // namespace

int lane() { return machine.current->index % kWarp; }
Config& config() { return machine.config; }
void* dynamic_shared() { return machine.shared.get(); }

void block_barrier(const char* file, int line) {
  machine.current->file = file;
  machine.current->line = line;
  Fiber::release(&machine.block_sync);
  wait_as(State::at_block_barrier);
  Fiber::acquire(&machine.block_sync);
}

int block_vote(bool predicate, Vote vote) {
  machine.current->predicate = predicate;
  block_barrier("block vote", 0);
  if (vote == Vote::count) return machine.votes_for;
  return vote == Vote::any ? machine.votes_for > 0 : machine.votes_for == machine.voters;
}

void warp_barrier(unsigned mask) { collective(mask, Collective::barrier, 0, false, 0); }
unsigned warp_ballot(unsigned mask, bool predicate) {
  return static_cast<unsigned>(collective(mask, Collective::ballot, 0, predicate, 0));
}
std::uint64_t warp_exchange(unsigned mask, std::uint64_t value, int source_lane) {
  return collective(mask, Collective::exchange, value, false, source_lane);
}

void run(Index grid, Index block, std::size_t shared_bytes, const std::function<void()>& thread) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > kMaxThreads || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 ||
      grid.z > 65535) {
    std::fprintf(stderr, "emulated device: invalid launch of grid (%u, %u, %u), block (%u, %u, %u)\n", grid.x, grid.y,
                 grid.z, block.x, block.y, block.z);
    std::abort();
  }
  machine.count = static_cast<int>(threads);
  while (machine.threads.size() < threads) machine.threads.push_back(std::make_unique<Thread>());
  machine.body = &thread;
  machine.shared.reset(new std::byte[shared_bytes]);
  machine.random.seed(machine.config.seed + machine.launches++);  // every launch has a schedule of its own
  for (const std::uint64_t b : order_of_blocks(std::uint64_t{grid.x} * grid.y * grid.z)) {
    prepare_block({static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                   static_cast<unsigned>(b / grid.x / grid.y)},
                  block, grid);
    if (shared_bytes > 0) std::memset(machine.shared.get(), 0xff, shared_bytes);
    Fiber::release(&machine.block_sync);
    run_block();
    Fiber::acquire(&machine.block_sync);
  }
}

}  // namespace simt
