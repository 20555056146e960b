#include "kernels/device/threads.h"

#include <omp.h>

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels/device/error.h"

namespace kelvin {
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
#pragma omp parallel num_threads(wanted)
  {}
  proven = wanted;
  return wanted;
}

}  // namespace kelvin
