// A stand-in for NCCL: the emulated GPUs of several processes of one machine. They meet in a file that the unique id names and that all have
// mapped. A sum adds in rank order. In the stream's turn a process leaves its values in the file; the stream waits until all have done so.
//
// Calls must be alike on all ranks: a sum with another number of elements, at another place of its block of memory, or captured on one rank alone
// ends the program with a message, whichever rank notices it first. NCCL would hang or add what does not belong together.
//
// KELVIN_EMULATION_NCCL switches on faults of this process: "dies=N" (killed in the sum number N, from 0), "stops=N", "late" (each sum begins up to
// 20 ms late), "abort-hangs".
#include <fcntl.h>
#include <nccl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/cuda_emulation/memory.h"

namespace {

constexpr int kMostRanks = 8;
constexpr std::uint64_t kCallsKept = 1024;
constexpr std::size_t kMostElements = std::size_t{4} << 20;
constexpr int kSlots = 2;  // a rank is at most one sum ahead of another

struct Call {
  std::uint64_t count = 0, offset = 0;
  bool is_captured = false;
  bool operator==(const Call&) const = default;
};

struct Meeting {  // the file begins with it; all zeros at first
  std::atomic<int> joined;
  struct Rank {
    int device;
    std::atomic<bool> has_aborted;
    std::atomic<std::uint64_t> called, arrived;  // sums so far: by the host, by the stream
    Call calls[kCallsKept];
  } ranks[kMostRanks];
};

std::string last_error;

// The number behind "dies=" or "stops="; -1: not asked for.
long long asked_number(const std::string& name) {
  const char* const asked = std::getenv("KELVIN_EMULATION_NCCL");
  const std::string_view text = asked != nullptr ? asked : "";
  return text.starts_with(name + "=") ? std::atoll(text.data() + name.size() + 1) : -1;
}
bool is_asked(std::string_view name) {
  const char* const asked = std::getenv("KELVIN_EMULATION_NCCL");
  return asked != nullptr && name == asked;
}

}  // namespace

struct ncclComm {
  int rank, size;
  Meeting* meeting;
  float* values;  // [slot][rank][kMostElements]
  std::atomic<bool> is_aborted = false;
  std::uint64_t arrived = 0;  // sums that this rank's stream has begun
  cudaStream_t last_stream = nullptr;
  cudaEvent_t called = nullptr;
  std::deque<std::uint64_t> unfinished = {};  // their numbers

  [[nodiscard]] Meeting::Rank& own() const { return meeting->ranks[rank]; }
  [[nodiscard]] float* values_of(std::uint64_t sum, int r) const {
    return values + (sum % kSlots * kMostRanks + static_cast<std::uint64_t>(r)) * kMostElements;
  }

  // Sums are done in the order of the calls, also those of two streams.
  void follow_last_call(cudaStream_t stream) {
    cudaStreamCaptureStatus before = cudaStreamCaptureStatusNone, now = before;
    cudaStreamIsCapturing(last_stream, &before);
    cudaStreamIsCapturing(stream, &now);
    if (called == nullptr) cudaEventCreate(&called);
    if (last_stream != nullptr && last_stream != stream && before == now) {
      cudaEventRecord(called, last_stream);
      cudaStreamWaitEvent(stream, called, 0);
    }
    last_stream = stream;
  }

  void compare(std::uint64_t number) const {
    const Call mine = own().calls[number % kCallsKept];
    for (int r = 0; r < size; ++r) {
      const Meeting::Rank& other = meeting->ranks[r];
      const std::uint64_t called = other.called.load(std::memory_order_acquire);
      if (called <= number || called > number + kCallsKept) continue;
      const Call theirs = other.calls[number % kCallsKept];
      if (theirs == mine) continue;
      const auto text = [](const Call& c) {
        return std::to_string(c.count) + " values at byte " + std::to_string(c.offset) + " of a block" +
               (c.is_captured ? ", captured" : ", not captured");
      };
      std::fprintf(stderr, "emulated NCCL: sum %llu differs: rank %d adds %s; rank %d %s\n",
                   static_cast<unsigned long long>(number), rank, text(mine).c_str(), r, text(theirs).c_str());
      std::_Exit(77);
    }
  }

  void arrive(const float* from, std::size_t count) {
    static std::minstd_rand chance(static_cast<unsigned>(getpid()));
    if (const auto sum = static_cast<long long>(arrived); sum == asked_number("dies"))
      raise(SIGKILL);
    else if (sum == asked_number("stops"))
      raise(SIGSTOP);
    if (is_asked("late")) std::this_thread::sleep_for(std::chrono::microseconds(chance() % 20000));
    std::memcpy(values_of(arrived, rank), from, count * sizeof(float));
    unfinished.push_back(arrived++);
    own().arrived.store(arrived, std::memory_order_release);
  }

  [[nodiscard]] bool have_all_arrived() const {
    if (is_aborted) return true;
    for (int r = 0; r < size; ++r)
      if (meeting->ranks[r].arrived.load(std::memory_order_acquire) <= unfinished.front()) return false;
    return true;
  }

  void add(float* to, std::size_t count) {
    const std::uint64_t sum = unfinished.front();
    unfinished.pop_front();
    if (is_aborted) return;
    std::memcpy(to, values_of(sum, 0), count * sizeof(float));
    for (int r = 1; r < size; ++r) {
      const float* const from = values_of(sum, r);
      for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
    }
  }
};

extern "C" {

const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote process exited" : "as the stand-in has it";
}
const char* ncclGetLastError(ncclComm_t) { return last_error.c_str(); }

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::snprintf(id->internal, sizeof id->internal, "/tmp/kelvin-emulated-nccl-XXXXXX");
  const int file = mkstemp(id->internal);
  if (file < 0) return ncclSystemError;
  close(file);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank) {
  if (ranks > kMostRanks || rank < 0 || rank >= ranks) return ncclInvalidArgument;
  const std::size_t bytes = sizeof(Meeting) + kSlots * kMostRanks * kMostElements * sizeof(float);
  const int file = open(id.internal, O_RDWR);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) return ncclSystemError;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  close(file);
  if (memory == MAP_FAILED) return ncclSystemError;
  auto* const meeting = static_cast<Meeting*>(memory);
  *comm = new ncclComm{rank, ranks, meeting, reinterpret_cast<float*>(meeting + 1)};
  cudaGetDevice(&meeting->ranks[rank].device);
  ++meeting->joined;
  while (meeting->joined < ranks) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (rank == 0) unlink(id.internal);
  for (int r = 0; r < ranks; ++r)
    if (r != rank && meeting->ranks[r].device == meeting->ranks[rank].device) {
      last_error = "Duplicate GPU detected";
      return ncclInvalidUsage;
    }
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  *error = ncclSuccess;
  for (int r = 0; r < comm->size; ++r)
    if (r != comm->rank && comm->meeting->ranks[r].has_aborted) *error = ncclRemoteError;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  while (is_asked("abort-hangs")) std::this_thread::sleep_for(std::chrono::hours(1));
  comm->own().has_aborted = true;
  comm->is_aborted = true;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t, ncclRedOp_t, ncclComm_t comm,
                           cudaStream_t stream) {
  if (count > kMostElements || !simt::device_holds(from, count * sizeof(float)) ||
      !simt::device_holds(to, count * sizeof(float)))
    return ncclInvalidArgument;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamIsCapturing(stream, &status);
  Meeting::Rank& own = comm->own();
  const std::uint64_t number = own.called;
  own.calls[number % kCallsKept] = {count, simt::device_offset(to), status != cudaStreamCaptureStatusNone};
  own.called.store(number + 1, std::memory_order_release);
  comm->compare(number);
  comm->follow_last_call(stream);
  simt::enqueue(stream, [=] { comm->arrive(static_cast<const float*>(from), count); });
  simt::enqueue(
      stream, [=] { comm->add(static_cast<float*>(to), count); }, [=] { return comm->have_all_arrived(); });
  return ncclSuccess;
}

}  // extern "C"
