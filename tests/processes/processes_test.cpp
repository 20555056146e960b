// Sums, gathers, news and failures of ranks, over a network of threads.
#include <gmock/gmock.h>

#include <cstring>
#include <thread>

#include "tests/processes/thread_network.h"

namespace kelvin {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::run_ranks;

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

TEST(Processes, OneIsAlone) {
  Processes all;
  EXPECT_EQ(all.size(), 1);
  EXPECT_TRUE(all.is_mine(7));
  EXPECT_EQ(all.tell_progress(5), 5);
  all.still_working();
  all.restart_progress();
  std::vector<double> values = {1, 2};
  all.sum(std::span(values), "a test");
  EXPECT_EQ(values, (std::vector<double>{1, 2}));
  EXPECT_EQ(all.end(3), 3);
}

// ((1e8 + 1) + -1e8) + ... in float32 depends on the order; every rank has the bits of the order 0, 1, 2, ...
TEST(Processes, ASumIsTakenInRankOrder) {
  for (const int size : {2, 3, 4, 7}) {
    const auto value = [](int rank, std::size_t i) {
      return (rank % 2 == 0 ? 1e8f : -1e8f) + static_cast<float>(rank) + static_cast<float>(i) * 0.37f;
    };
    std::vector<float> expected(20001);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = value(0, i);
      for (int r = 1; r < size; ++r) expected[i] += value(r, i);
    }
    std::vector<int> are_equal(static_cast<std::size_t>(size));
    EXPECT_THAT(run_ranks(size,
                          [&](Processes& all) {
                            std::vector<float> values(expected.size());
                            for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(all.rank(), i);
                            all.sum(std::span(values), "a test");
                            are_equal[static_cast<std::size_t>(all.rank())] =
                                std::memcmp(values.data(), expected.data(), values.size() * sizeof(float)) == 0;
                          }),
                Each(""));
    EXPECT_THAT(are_equal, Each(1)) << size;
  }
}

TEST(Processes, FewerValuesThanRanksAreSummedToo) {
  std::vector<std::int64_t> sums(4);
  (void)run_ranks(4, [&](Processes& all) {
    std::int64_t value = 1 << all.rank();
    all.sum(std::span(&value, 1), "a test");
    sums[static_cast<std::size_t>(all.rank())] = value;
  });
  EXPECT_THAT(sums, Each(15));
}

TEST(Processes, AGatherKeepsRankOrderAndLengths) {
  EXPECT_THAT(run_ranks(3,
                        [](Processes& all) {
                          const std::string mine(static_cast<std::size_t>(all.rank()), 'a');
                          const std::vector<Bytes> parts = all.gather(std::as_bytes(std::span(mine)), "a test");
                          for (std::size_t r = 0; r < 3; ++r)
                            if (parts[r] != Bytes(r, std::byte{'a'})) throw std::runtime_error("wrong");
                        }),
              Each(""));
}

// Seven items of three bytes, the last with two, on up to nine ranks.
TEST(Processes, ItemsOfAllRanksComeTogether) {
  for (const int size : {2, 3, 9})
    EXPECT_THAT(run_ranks(size,
                          [](Processes& all) {
                            Bytes items(20);
                            for (std::size_t i = 0; i < items.size(); ++i)
                              if (all.is_mine(static_cast<std::int64_t>(i) / 3))
                                items[i] = static_cast<std::byte>(i + 1);
                            all.gather_items(items, 3, "a test");
                            for (std::size_t i = 0; i < items.size(); ++i)
                              if (items[i] != static_cast<std::byte>(i + 1)) throw std::runtime_error("wrong");
                          }),
                Each(""))
        << size;
}

TEST(Processes, TextsThatDifferNameTheRank) {
  const std::vector<std::string> errors = run_ranks(3, [](Processes& all) {
    all.require_equal("the seed", "0");
    all.require_equal("the data", all.rank() == 2 ? "other" : "same");
  });
  EXPECT_THAT(errors, Each("rank 2 on node-2 and rank 0 on node-0 differ in the data (other and same); all ranks need the same program, "
                           "files and flags"));
}

TEST(Processes, ASilentRankIsNamedByOneOfTheOthers) {
  const std::vector<std::string> errors = run_ranks(3, [](Processes& all) {
    all.set_hang_after(0.05);
    if (all.rank() == 1) return pause(1);
    try {
      all.barrier("the exchange of step 812");
    } catch (const Lost& e) {
      throw std::runtime_error(str("said: ", e.what()));
    } catch (const EndedByOther&) {
      throw std::runtime_error("silent");
    }
  });
  EXPECT_THAT(errors[0], HasSubstr("said: rank 1 on node-1 has not answered for "));
  EXPECT_THAT(errors[0], HasSubstr(" in the exchange of step 812: stopped, hung or cut off from the network"));
  EXPECT_EQ(errors[2], "silent");
}

// Not only when its result is waited for.
TEST(Processes, ASilentRankIsNoticedDuringWork) {
  double worked = 0;
  const std::vector<std::string> errors = run_ranks(2, [&](Processes& all) {
    all.set_hang_after(0.05);
    if (all.rank() == 1) return pause(1);
    for (; worked < 20; worked += 0.01) pause(0.01), all.still_working();
  });
  EXPECT_LT(worked, 2);
  EXPECT_THAT(errors[0], HasSubstr("rank 1 on node-1 has not answered for "));
}

// 0.25 s are the patience at first. A rank that says that it works is waited for.
TEST(Processes, NewsKeepTheOthersWaiting) {
  std::int64_t seen = 0;
  EXPECT_THAT(run_ranks(2,
                        [&](Processes& all) {
                          all.set_hang_after(0.05);
                          if (all.rank() == 1)
                            for (int part = 1; part <= 3; ++part) {
                              for (int step = 0; step < 20; ++step) pause(0.01), all.still_working();
                              (void)all.tell_progress(part * 10);
                            }
                          all.restart_progress("a test", [&](std::int64_t done) {
                            if (all.rank() == 0) seen = std::max(seen, done);
                          });
                        }),
              Each(""));
  EXPECT_GT(seen, 0);
}

// A rank without work of its own waits as long as what it has waited for before lets it expect: four times 0.2 s, not 0.05 s.
TEST(Processes, WaitsTeachPatience) {
  EXPECT_THAT(run_ranks(2,
                        [](Processes& all) {
                          all.set_hang_after(0.05);
                          if (all.rank() == 1) pause(0.2);
                          for (int i = 0; i < 20; ++i) all.barrier("the warm-up");
                          if (all.rank() == 1) pause(0.4);
                          all.barrier("a test");
                        }),
              Each(""));
}

TEST(Processes, AFailureEndsTheOthersAndIsSaidOnce) {
  std::vector<std::optional<std::string>> lines(3);
  const std::vector<std::string> errors = run_ranks(3, [&](Processes& all) {
    std::optional<std::string>& line = lines[static_cast<std::size_t>(all.rank())];
    try {
      if (all.rank() == 1) throw Error(ExitCode::out_of_memory, "no memory");
      all.barrier("a test");
    } catch (const EndedByOther& e) {
      EXPECT_EQ(e.code(), ExitCode::out_of_memory);
      line = all.line_of_failure("", e.code());
      throw std::runtime_error("ended");
    } catch (const Error& e) {
      line = all.line_of_failure(e.what(), e.code());
      throw std::runtime_error("ended");
    }
  });
  EXPECT_THAT(errors, Each("ended"));
  EXPECT_EQ(lines[1], "rank 1 on node-1: no memory");
  EXPECT_FALSE(lines[0] || lines[2]);
}

TEST(Processes, AMistakeOfAllIsSaidByTheFirst) {
  std::vector<std::optional<std::string>> lines(3);
  (void)run_ranks(3, [&](Processes& all) {
    lines[static_cast<std::size_t>(all.rank())] = all.line_of_failure("--tau must be > 0", ExitCode::mistake);
    EXPECT_EQ(all.end(2), 2);
  });
  EXPECT_EQ(lines[0], "--tau must be > 0");
  EXPECT_FALSE(lines[1] || lines[2]);
}

}  // namespace
}  // namespace kelvin
