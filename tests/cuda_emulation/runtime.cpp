#include "tests/cuda_emulation/runtime.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct Work {
  std::function<void()> run;
  std::function<bool()> is_ready;  // empty: always
};
using Clock = std::chrono::steady_clock;

struct EmulatedGraph {
  std::vector<Work> nodes;
};
struct EmulatedGraphExec {
  std::vector<Work> nodes;
  void* memory = nullptr;  // what the driver keeps of it on the device
};

struct EmulatedStream {
  std::deque<Work> queue;
  std::unique_ptr<EmulatedGraph> captured;  // while capturing
  bool is_invalid = false;                  // the capture has been spoilt
  EmulatedStream* captured_with = nullptr;  // the captured stream that this one has joined
  std::vector<Work> beside;                 // what it does there, not yet waited for
  bool is_late = false;                     // all of it is done when it is waited for
  bool is_unjoined = false;                 // the captured stream has not waited since it joined

  [[nodiscard]] bool is_captured() const { return captured != nullptr || captured_with != nullptr; }
};

struct EmulatedEvent {
  // Shared with the queue: an event may be destroyed before the stream gets to it.
  struct Mark {
    bool is_reached = true;
    Clock::time_point when = Clock::now();
  };
  std::shared_ptr<Mark> mark = std::make_shared<Mark>();
  EmulatedStream* stream = nullptr;
};

namespace {

using simt::fail;

constexpr std::size_t kLongestQueue = 500;
// Of a block's shared memory, in bytes: what a kernel gets unasked.
constexpr int kSharedUnasked = 48 << 10;
constexpr std::size_t kCodeBytes = 8 << 10,
                      kNodeBytes = 1 << 10;  // what the driver takes for a kernel, for a graph's node

cudaError_t fail_capture(EmulatedStream& stream, const char* why) {
  std::fprintf(stderr, "emulated device: %s while the stream is captured\n", why);
  stream.is_invalid = true;
  return fail(cudaErrorStreamCaptureUnsupported);
}

// Never destroyed, like the streams in it.
std::vector<EmulatedStream*>& streams() {
  static auto* const all = new std::vector<EmulatedStream*>;
  return *all;
}

std::mt19937_64& random() {
  static std::mt19937_64 generator(simt::config().seed);
  return generator;
}

bool is_ready(const Work& work) { return !work.is_ready || work.is_ready(); }

// At most `count`, up to the first that waits for another process.
void run_ready(EmulatedStream& stream, std::size_t count) {
  if (count == 0 || stream.queue.empty() || !is_ready(stream.queue.front())) return;
  const simt::DeviceAccess access;
  for (; count > 0 && !stream.queue.empty() && is_ready(stream.queue.front()); --count) {
    const Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    work.run();
  }
}

// Waits as long as it takes.
void run_some(EmulatedStream& stream, std::size_t count) {
  for (const std::size_t left = stream.queue.size() - count; stream.queue.size() > left;) {
    run_ready(stream, stream.queue.size() - left);
    if (stream.queue.size() > left) sched_yield();
  }
}

void run_all(EmulatedStream& stream) { run_some(stream, stream.queue.size()); }

// Mostly nothing runs, sometimes some of it, sometimes all.
void run_as_chance_has_it(EmulatedStream& stream) {
  const std::size_t n = stream.queue.size();
  if (n >= kLongestQueue) return run_ready(stream, n);
  if (random()() % 32 == 0) run_ready(stream, random()() % (n + 1));
}

bool half_the_time() { return random()() % 2 == 0; }
bool now_and_then() { return random()() % 4 == 0; }

void do_what_is_beside(EmulatedStream& stream) {
  for (Work& work : stream.beside) stream.captured_with->captured->nodes.push_back(std::move(work));
  stream.beside.clear();
}

void free_at_once(void* block) {
  for (EmulatedStream* stream : streams()) run_all(*stream);
  simt::device_free(block);
}

std::map<const void*, int>& allowed_shared() {
  static auto* const bytes = new std::map<const void*, int>;
  return *bytes;
}

bool is_host_memory(const void* address) { return !simt::is_device_memory(address); }

}  // namespace

namespace simt {

cudaError_t enqueue(cudaStream_t stream, std::function<void()> run, std::function<bool()> is_ready) {
  if (stream == nullptr) {
    const DeviceAccess access;
    run();
    return cudaSuccess;
  }
  Work work{std::move(run), std::move(is_ready)};
  if (stream->captured) {
    stream->captured->nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  if (stream->captured_with != nullptr) {
    stream->is_unjoined = true;
    stream->beside.push_back(std::move(work));
    if (!stream->is_late) do_what_is_beside(*stream);
    return cudaSuccess;
  }
  stream->queue.push_back(std::move(work));
  run_as_chance_has_it(*stream);
  return cudaSuccess;
}

void run_what_is_ready() {
  for (EmulatedStream* const stream : streams()) run_ready(*stream, stream->queue.size());
}

cudaError_t prepare(const void* kernel, std::size_t shared_bytes) {
  static auto& loaded = *new std::set<const void*>;
  if (loaded.count(kernel) == 0) {
    void* code = nullptr;
    if (const cudaError_t status = cudaMalloc(&code, kCodeBytes); status != cudaSuccess) return status;
    loaded.insert(kernel);
  }
  const auto found = allowed_shared().find(kernel);
  const int allowed = found == allowed_shared().end() ? kSharedUnasked : std::max(kSharedUnasked, found->second);
  return shared_bytes <= static_cast<std::size_t>(allowed) ? cudaSuccess : fail(cudaErrorInvalidValue);
}

}  // namespace simt

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  if (value < 0 || value > simt::kMostShared) return fail(cudaErrorInvalidValue);
  allowed_shared()[kernel] = value;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** block, std::size_t bytes) {
  *block = simt::device_allocate(bytes);
  if (*block == nullptr) {  // what waits to be freed may be enough
    for (EmulatedStream* stream : streams()) run_all(*stream);
    *block = simt::device_allocate(bytes);
  }
  return *block == nullptr ? fail(cudaErrorMemoryAllocation) : cudaSuccess;
}
cudaError_t cudaFree(void* block) {
  if (block == nullptr) return cudaSuccess;
  // CUDA waits for the device here. Freeing in the stream's turn is as safe and leaves the device as late as it was.
  const auto is_busy = [](const EmulatedStream* s) { return !s->queue.empty(); };
  if (!streams().empty() && std::none_of(streams().begin() + 1, streams().end(), is_busy))
    streams()[0]->queue.push_back({[=] { simt::device_free(block); }, {}});
  else
    free_at_once(block);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** block, std::size_t bytes) {
  *block = simt::pinned_allocate(bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* block) {
  for (EmulatedStream* stream : streams()) run_all(*stream);
  simt::pinned_free(block);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  streams().push_back(*stream = new EmulatedStream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  EmulatedStream& event_stream = *event->stream;
  if (event_stream.captured && !stream->is_captured()) {
    stream->captured_with = &event_stream;
    stream->is_late = half_the_time();
    stream->is_unjoined = true;
  } else if (event_stream.captured && stream->captured_with == &event_stream) {
    stream->is_unjoined = true;  // what it does next is in order anyway
  } else if (event_stream.captured_with == stream) {
    do_what_is_beside(event_stream);
    event_stream.is_unjoined = false;
  } else if (event_stream.captured_with != nullptr || stream->captured) {
    return fail_capture(*stream, "it waits for an event from elsewhere");
  } else if (!event_stream.captured) {
    run_all(event_stream);
  }
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream == nullptr) return cudaSuccess;
  if (stream->is_captured()) return fail_capture(*stream, "the host waits");
  run_all(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (stream == nullptr) return cudaSuccess;
  if (stream->is_captured()) return fail_capture(*stream, "the host asks whether it has finished");
  run_ready(*stream, now_and_then() ? stream->queue.size() : std::min<std::size_t>(stream->queue.size(), 1));
  return stream->queue.empty() ? cudaSuccess : fail(cudaErrorNotReady);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const bool from_host = kind == cudaMemcpyHostToDevice, to_host = kind == cudaMemcpyDeviceToHost;
  if (bytes > 0 && (is_host_memory(from) != from_host || is_host_memory(to) != to_host)) {
    std::fprintf(stderr, "emulated device: a copy whose addresses are not where its kind says\n");
    return fail(cudaErrorInvalidValue);
  }
  if (stream != nullptr && stream->is_captured() && (from_host || to_host))
    return fail_capture(*stream, from_host ? "a copy from the host" : "a copy to the host");
  const auto copy = [](void* target, const void* source, std::size_t n) {
    if (n > 0) std::memmove(target, source, n);
  };
  if (from_host && !simt::is_pinned_memory(from)) {
    // Ordinary memory is taken at once; above 64 KiB the driver waits for the stream first (CUDA runtime API, "API synchronization behavior").
    if (bytes > (std::size_t{64} << 10) && stream != nullptr) run_all(*stream);
    const auto* const first = static_cast<const std::byte*>(from);
    return simt::enqueue(stream,
                         [=, taken = std::vector<std::byte>(first, first + bytes)] { copy(to, taken.data(), bytes); });
  }
  const cudaError_t status = simt::enqueue(stream, [=] { copy(to, from, bytes); });
  if (to_host && !simt::is_pinned_memory(to) && stream != nullptr) run_all(*stream);
  return status;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return simt::enqueue(stream, [=] {
    if (bytes > 0) std::memset(to, value, bytes);
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new EmulatedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->mark = std::make_shared<EmulatedEvent::Mark>();
  event->mark->is_reached = false;
  event->stream = stream;
  return simt::enqueue(stream, [mark = event->mark] {
    mark->is_reached = true;
    mark->when = Clock::now();
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->mark->is_reached) return cudaSuccess;
  EmulatedStream& stream = *event->stream;
  if (stream.is_captured()) return fail_capture(stream, "the host waits for an event");
  while (!event->mark->is_reached) run_some(stream, 1);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event->mark->is_reached) return cudaSuccess;
  if (const cudaError_t status = cudaStreamQuery(event->stream); status != cudaSuccess && !event->mark->is_reached)
    return status;
  return event->mark->is_reached ? cudaSuccess : fail(cudaErrorNotReady);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!begin->mark->is_reached || !end->mark->is_reached) return fail(cudaErrorInvalidValue);
  *milliseconds = std::chrono::duration<float, std::milli>(end->mark->when - begin->mark->when).count();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || stream->is_captured()) return fail(cudaErrorIllegalState);
  stream->captured = std::make_unique<EmulatedGraph>();
  stream->is_invalid = false;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (stream == nullptr || !stream->captured) return fail(cudaErrorIllegalState);
  bool is_joined = true;
  for (EmulatedStream* const other : streams())
    if (std::exchange(other->captured_with, other->captured_with == stream ? nullptr : other->captured_with) ==
        stream) {
      is_joined = is_joined && !other->is_unjoined;
      other->beside.clear();
    }
  const std::unique_ptr<EmulatedGraph> captured = std::move(stream->captured);
  if (!is_joined) return fail(cudaErrorStreamCaptureUnjoined);
  if (stream->is_invalid) return fail(cudaErrorStreamCaptureInvalidated);
  *graph = new EmulatedGraph(*captured);
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream == nullptr || !stream->is_captured() ? cudaStreamCaptureStatusNone
            : stream->is_invalid                        ? cudaStreamCaptureStatusInvalidated
                                                        : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (graph == nullptr) return fail(cudaErrorInvalidValue);
  void* memory = nullptr;
  if (const cudaError_t status = cudaMalloc(&memory, kNodeBytes * (1 + graph->nodes.size())); status != cudaSuccess)
    return status;
  *exec = new EmulatedGraphExec{graph->nodes, memory};
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (stream == nullptr || stream->is_captured()) return fail(cudaErrorInvalidValue);
  for (const Work& node : exec->nodes) simt::enqueue(stream, node.run, node.is_ready);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  cudaFree(exec->memory);
  delete exec;
  return cudaSuccess;
}
