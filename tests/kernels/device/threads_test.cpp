// Threads that cannot be created, and exceptions in threads.
#include "kernels/device/threads.h"

#include <gmock/gmock.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

#include "kernels/device/headroom.h"
#include "kernels/device/parallel.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;

TEST(ParallelFor, ThrowsWhatAPieceThrowsOnceAllAreOver) {
  const int before = omp_get_max_threads();
  for (const int threads : {1, 3}) {
    omp_set_num_threads(threads);
    std::atomic<std::int64_t> done = 0;
    const auto work = [&](std::int64_t begin, std::int64_t end) {
      if (begin == 0) throw mistake("the first piece");
      done += end - begin;
    };
    EXPECT_EQ(mistake_of([&] { parallel_for(300, work, kParallelGrain); }), "the first piece");
    EXPECT_EQ(done, threads == 1 ? 0 : 200);
    EXPECT_THROW(parallel_for(
                     300, [](std::int64_t, std::int64_t) { throw std::bad_alloc(); }, kParallelGrain),
                 std::bad_alloc);
  }
  omp_set_num_threads(before);
}

TEST(ParallelFor, SharesWorkByItsAmountAlone) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  const auto pieces = [](std::int64_t n, std::int64_t cost) {
    std::atomic<int> count = 0;
    std::atomic<std::int64_t> covered = 0, ragged = 0;
    parallel_for(
        n,
        [&](std::int64_t begin, std::int64_t end) {
          ++count;
          covered += end - begin;
          ragged += begin % 64;
        },
        cost);
    EXPECT_EQ(covered, n);
    EXPECT_EQ(cost == 1 ? ragged.load() : 0, 0);
    return count.load();
  };
  EXPECT_EQ(pieces(0, 1), 0);
  EXPECT_EQ(pieces(kParallelGrain - 1, 1), 1);
  EXPECT_EQ(pieces(kParallelGrain, 1), 3);
  EXPECT_EQ(pieces(100, kParallelGrain / 101), 1);
  EXPECT_EQ(pieces(100, kParallelGrain / 100), 3);
  EXPECT_EQ(pieces(2, kParallelGrain), 2);  // never more than there are indices
  EXPECT_EQ(pieces(1, kParallelGrain), 1);
  {
    const OneThread one(true);
    EXPECT_EQ(pieces(kParallelGrain, 1), 1);
  }
  {
    const OneThread none(false);
    EXPECT_EQ(pieces(kParallelGrain, 1), 3);
  }
  omp_set_num_threads(before);
}

// Runs f, then ends this process: with the code of its Error, its text on standard error.
template <class F>
[[noreturn]] void end_with(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    _exit(static_cast<int>(e.code()));
  }
  _exit(0);
}

// Limits the address space to `bytes` more than is used: not enough for another thread's stack.
void leave_memory_for(std::size_t bytes) {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit both{limit, limit};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &both), 0);
}

TEST(UsableThreads, AreTriedBeforeTheyAreUsed) {
  const auto ask_for = [](int threads) {
    leave_memory_for(std::size_t{64} << 20);
    omp_set_num_threads(threads);
    (void)usable_threads();
  };
  EXPECT_EXIT(end_with([&] { ask_for(3); }), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with([&] { ask_for(64); }), ::testing::ExitedWithCode(4), "of 64 threads only [0-9]+ can be had");
  EXPECT_EXIT(end_with([&] { ask_for(100000); }), ::testing::ExitedWithCode(2), "100000 threads .* at most 1024");
}

// How many threads this process has, once there are `wanted`, or after a second.
std::ptrdiff_t count_threads(std::ptrdiff_t wanted) {
  std::ptrdiff_t count = 0;
  for (int i = 0; i < 1000 && count < wanted; ++i) {
    count =
        std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return count;
}

// libgomp's threads spin only briefly where they are more than the processors.
TEST(UsableThreads, AreMoreThanTheProcessors) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a program of its own, whose threads nobody has used yet
  const auto threads_with = [](const char* spins, int threads, std::ptrdiff_t wanted) {
    unsetenv("OMP_WAIT_POLICY");
    unsetenv("GOMP_SPINCOUNT");
    if (spins != nullptr) setenv("GOMP_SPINCOUNT", spins, 1);
    omp_set_num_threads(threads);
    (void)usable_threads();
    _exit(count_threads(wanted) == wanted ? 0 : 1);
  };
  const int processors = omp_get_num_procs();
  // The main team, and one that adds what is missing to one thread more than there are processors.
  EXPECT_EXIT(threads_with(nullptr, 2, processors < 2 ? 2 : processors + 2), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(threads_with(nullptr, processors + 1, processors + 1), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(threads_with("1000", 2, 2), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(threads_with(nullptr, 1, 1), ::testing::ExitedWithCode(0), "");
  GTEST_FLAG_SET(death_test_style, "fast");
}

TEST(Headroom, IsRequiredWhereMemoryIsLimited) {
  const auto ask_for = [](std::size_t bytes) {
    leave_memory_for(std::size_t{8} << 20);
    require_headroom(Cpu{}, bytes);
  };
  EXPECT_EXIT(end_with([&] { ask_for(std::size_t{4} << 20); }), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with([&] { ask_for(std::size_t{16} << 20); }), ::testing::ExitedWithCode(4),
              "asked for 16777216 bytes");
}

}  // namespace
}  // namespace kelvin
