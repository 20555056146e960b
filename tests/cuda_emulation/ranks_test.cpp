// Several emulated GPUs, a process each: sums over them equal the ranks' values added in rank order, recorded or not; gradients that are exchanged during
// the backward pass are the sum of the ranks'; faults of one rank are named by the others.
#include "tests/cuda_emulation/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/gpu_ranks/rank_cases.h"

namespace {

using emulated::EndedRank, emulated::run_ranks;
using ::testing::HasSubstr;

// This program as the ranks of a case. Other orders and delays on each rank and for each seed.
std::vector<EndedRank> ranks(int size, std::vector<std::string> arguments,
                             std::vector<std::vector<std::string>> environment = {}, int seed = 1, double grace = 10) {
  std::vector<std::string> command = {std::filesystem::read_symlink("/proc/self/exe").string(), "--rank"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  environment.resize(static_cast<std::size_t>(size));
  for (int r = 0; r < size; ++r)
    environment[static_cast<std::size_t>(r)].push_back("KELVIN_EMULATION_SEED=" + std::to_string(10 * seed + r));
  return run_ranks(size, command, environment, grace);
}

void expect_all_well(const std::vector<EndedRank>& ended) {
  for (std::size_t r = 0; r < ended.size(); ++r) EXPECT_EQ(ended[r].code, 0) << "rank " << r << ": " << ended[r].output;
}

std::string all_output(const std::vector<EndedRank>& ended) {
  std::string all;
  for (const EndedRank& rank : ended) all += rank.output;
  return all;
}

TEST(SeveralGpus, ASumAddsTheRanksValuesInRankOrder) {
  for (const int size : {2, 4}) expect_all_well(ranks(size, {"sums"}));
}

TEST(SeveralGpus, ASumWaitsForARankThatIsLate) {
  expect_all_well(ranks(2, {"sums"}, {{"KELVIN_EMULATION_NCCL=late"}, {"KELVIN_EMULATION_NCCL=late"}}));
}

TEST(SeveralGpus, SumsBesideARecordedStepEqualThoseOfEagerOnes) {
  const std::vector<std::string> eager = {"KELVIN_GRAPH=0"};
  for (const int size : {2, 4}) {
    expect_all_well(ranks(size, {"replayed-sums"}, {eager, eager, eager, eager}));
    for (const int seed : {1, 2, 3}) expect_all_well(ranks(size, {"replayed-sums"}, {}, seed));
  }
}

TEST(SeveralGpus, GradientsOfAnOverlappedBackwardPassAreTheSumOfTheRanks) {
  expect_all_well(ranks(2, {"training", "mlp", "once"}));
  expect_all_well(ranks(4, {"training", "mlp", "twice"}));
  expect_all_well(ranks(2, {"training", "resnet8", "once"}, {}, 2));
  expect_all_well(ranks(2, {"unusual-parameters"}));
  expect_all_well(ranks(2, {"unusual-parameters"}, {{"KELVIN_GRAPH=0"}, {"KELVIN_GRAPH=0"}}));
  expect_all_well(ranks(3, {"accumulated"}));
  expect_all_well(ranks(2, {"early"}));
}

TEST(SeveralGpus, PlantedASumThatIsReadBeforeItIsJoinedIsWrong) {
  int caught = 0;
  for (int seed = 1; seed <= 6; ++seed)
    caught += all_output(ranks(2, {"joined-too-late"}, {}, seed)).find("before it was there") != std::string::npos;
  EXPECT_GE(caught, 2);
}

// Whichever rank notices it first ends with code 77; the other waits, and is killed.
std::string refused(const std::string& name, const std::vector<std::string>& environment_of_one = {}) {
  return all_output(ranks(2, {name}, {environment_of_one}, 1, 0.1));
}

TEST(SeveralGpus, PlantedUnlikeSumsAreRefused) {
  EXPECT_THAT(refused("skips"), HasSubstr("sum 1 differs"));
  EXPECT_THAT(refused("fewer"), HasSubstr("sum 1 differs"));
}

TEST(SeveralGpus, PlantedARankThatRecordsAloneIsRefused) {
  EXPECT_THAT(refused("replayed-sums", {"KELVIN_GRAPH=0"}), HasSubstr(", not captured"));
}

// The others end by themselves within seconds, also if NCCL's own end hangs.
void expect_named(const std::string& fault, const std::vector<std::string>& of_rank_0) {
  const std::vector<EndedRank> ended = ranks(3, {"endless"}, {of_rank_0, {"KELVIN_EMULATION_NCCL=" + fault}});
  EXPECT_THAT(ended[0].output, HasSubstr("rank 1 on emulated has not answered for")) << fault;
  EXPECT_EQ(ended[2].output, "") << fault;
  for (const std::size_t r : {0, 2}) {
    EXPECT_EQ(ended[r].code, 1) << fault << ", rank " << r << ": " << ended[r].output;
    EXPECT_LT(ended[r].seconds, 30) << fault;
  }
}

TEST(SeveralGpus, ALostRankEndsTheOthersWithItsName) {
  expect_named("stops=5", {});
  expect_named("dies=5", {"KELVIN_EMULATION_NCCL=abort-hangs"});
}

TEST(SeveralGpus, WhatIsMissingIsNamedInOneLine) {
  const std::vector<std::string> no_nccl = {"KELVIN_EMULATION_MISSING=NCCL"}, two = {"KELVIN_EMULATION_DEVICES=2"};
  const std::vector<EndedRank> without = ranks(2, {"accumulated"}, {no_nccl, no_nccl});
  EXPECT_EQ(without[0].output,
            "NCCL 2 cannot be loaded (no libnccl.so.2): install it or add its folder to LD_LIBRARY_PATH\n");
  EXPECT_EQ(without[0].code, 2);
  EXPECT_EQ(without[1].output, "");
  const std::vector<EndedRank> too_many = ranks(3, {"sums"}, {two, two, two});
  EXPECT_EQ(too_many[0].output, "3 ranks on this machine, which has 2 GPUs: start one rank a GPU\n");
  for (const EndedRank& rank : too_many) EXPECT_EQ(rank.code, 2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == "--rank") return kelvin::run_rank({argv + 2, argv + argc});
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
