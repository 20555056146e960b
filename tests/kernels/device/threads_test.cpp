// Threads that cannot be created, and exceptions in threads.
#include "kernels/device/threads.h"

#include <gmock/gmock.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>

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
    EXPECT_EQ(mistake_of([&] { parallel_for(300, work, 100); }), "the first piece");
    // Of 300 elements in units of 64, the first of three pieces has one unit.
    EXPECT_EQ(done, threads == 1 ? 0 : 236);
    EXPECT_THROW(parallel_for(
                     300, [](std::int64_t, std::int64_t) { throw std::bad_alloc(); }, 1),
                 std::bad_alloc);
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
