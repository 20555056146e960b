#include "kernels/device/threads.h"

#include <omp.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels/device/error.h"
#include "kernels/device/parallel.h"

namespace kelvin {

std::int64_t least_shared_work = kParallelGrain;

namespace {

// Starts n threads that exist at the same time, and counts how many of them the system allows.
int try_threads(int n) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(n));
  std::atomic_flag may_end;
  try {
    for (int i = 0; i < n; ++i) threads.emplace_back([&] { may_end.wait(false); });
  } catch (const std::exception&) {  // no thread, or no memory for one
  }
  may_end.test_and_set();
  may_end.notify_all();
  for (std::thread& thread : threads) thread.join();
  return static_cast<int>(threads.size());
}

// A parallel region, after which libgomp keeps its threads. (GCC leaves out a region without work.)
void begin_team(int threads) {
  std::atomic<int> begun = 0;
#pragma omp parallel num_threads(threads)
  ++begun;
}

// libgomp's threads spin for milliseconds at every barrier before they sleep, unless there are more of them than processors: then for a
// microsecond. On a busy machine the spinning threads take the cores from those that they wait for, and a region takes 10 to 60 ms instead of one
// (DECISIONS.md). So another team exists, with as many threads as are missing, which sleeps for ever. The user's own setting is left alone, and so
// is the time to spin where the system has no more threads.
void keep_waits_short(int threads) {
  const int missing = omp_get_num_procs() + 1 - threads;
  if (missing < 1 || std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (try_threads(missing + 1) <= missing) return;
  std::thread([team = missing + 1] {
    begin_team(team);
    std::atomic_flag().wait(false);
  }).detach();
}

}  // namespace

int usable_threads() {
  static std::atomic<int> proven{1};
  static std::mutex mutex;
  const int wanted = omp_get_max_threads();
  if (wanted <= proven) return wanted;
  const std::lock_guard lock(mutex);
  if (wanted <= proven) return wanted;
  if (wanted > kMostThreads)
    throw mistake(wanted, " threads (", "threads"_field, ", or OMP_NUM_THREADS), expected at most ", kMostThreads);
  if (const int there = 1 + try_threads(wanted - 1); there < wanted)
    throw Error(
        ExitCode::out_of_memory,
        message("of ", wanted, " threads only ", there, " can be had; try ", "threads"_field, " ",
                there > 2 ? there / 2 : 1, ", or raise the limits on processes and memory (ulimit -u, ulimit -v)"));
  begin_team(wanted);
  static std::once_flag once;
  std::call_once(once, [&] { keep_waits_short(wanted); });
  proven = wanted;
  return wanted;
}

OneThread::OneThread(bool applies) : before_(applies ? omp_get_max_threads() : 0) {
  if (before_ > 0) omp_set_num_threads(1);
}

OneThread::~OneThread() {
  if (before_ > 0) omp_set_num_threads(before_);
}

}  // namespace kelvin
