// Waits for work outside of Processes, such as a sum on GPUs, over a network of threads.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/processes/thread_network.h"

namespace kelvin {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::run_ranks;

constexpr double kHangAfter = 0.2;  // seconds; five times as long in the first waits

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

TEST(WorkOutside, IsWaitedFor) {
  std::atomic<int> arrived = 0;
  const auto messages = run_ranks(3, [&](Processes& all) {
    pause(0.01 * all.rank());
    ++arrived;
    all.wait_for([&] { return arrived == 3; }, "a test");
  });
  EXPECT_THAT(messages, Each(""));
  Processes alone;
  int asked = 0;
  alone.wait_for([&] { return ++asked == 3; }, "a test");
  EXPECT_EQ(asked, 3);
}

// Ranks that wait for work outside, or for a message, tell the others; none takes them for lost, however long the work of one is.
TEST(WorkOutside, RanksThatWaitAreNotLost) {
  const auto messages = run_ranks(3, [&](Processes& all) {
    all.set_hang_after(kHangAfter);
    const auto begin = std::chrono::steady_clock::now();
    const auto is_late = [&] { return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(1500); };
    if (all.rank() < 2) all.wait_for(is_late, "a test");
    all.barrier("the end");
  });
  EXPECT_THAT(messages, Each(""));
}

// The work is ended before the exception leaves.
TEST(WorkOutside, ASilentRankIsNamedAndTheWorkIsEndedFirst) {
  std::atomic<int> ended = 0;
  const auto messages = run_ranks(3, [&](Processes& all) {
    all.set_hang_after(kHangAfter);
    if (all.rank() == 1) return pause(3);
    all.set_before_giving_up([&] { ++ended; });
    all.wait_for([] { return false; }, "a test");
  });
  EXPECT_THAT(messages[0], HasSubstr("rank 1 on "));
  EXPECT_THAT(messages[0], HasSubstr("in a test"));
  EXPECT_EQ(ended, 2);
}

TEST(WorkOutside, EndsAlsoIfAllRanksWaitInIt) {
  const auto messages = run_ranks(2, [&](Processes& all) {
    all.set_hang_after(kHangAfter);
    all.wait_for([] { return false; }, "a test");
  });
  EXPECT_THAT(messages[0] + messages[1], HasSubstr("a test has not ended for"));
}

}  // namespace
}  // namespace kelvin
