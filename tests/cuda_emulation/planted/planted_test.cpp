// The emulated device detects each fault that is planted in a copy of a kernel, by the means intended for it.
#include "tests/cuda_emulation/planted/planted.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/device/philox.h"
#include "tests/cuda_emulation/mathematics.h"
#include "tests/cuda_emulation/simt.h"

namespace kelvin::testing {
namespace {

constexpr int kRows = 4, kCols = 300, kSeeds = 100;

std::vector<float> logits() {
  std::vector<float> z(kRows * kCols);
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = 8 * uniform01(philox({4, random_stream("planted")}, i)[0]);
  return z;
}

std::vector<float> reference() {
  const std::vector<float> z = logits();
  std::vector<float> out;
  for (int r = 0; r < kRows; ++r) {
    const auto begin = z.begin() + r * kCols, end = begin + kCols;
    const float maximum = *std::max_element(begin, end);
    double sum = 0;
    for (auto it = begin; it != end; ++it) sum += std::exp(static_cast<double>(*it) - maximum);
    out.insert(out.end(), {maximum, static_cast<float>(sum)});
  }
  return out;
}

bool is_right(const std::vector<float>& got) {
  const std::vector<float> expected = reference();
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - expected[i]) <= 1e-5f * std::abs(expected[i]))) return false;
  return true;
}

// Out of kSeeds random schedules, how many give a wrong result.
int wrong_results(Fault fault) {
  int wrong = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    simt::config() = {simt::Order::random, static_cast<std::uint64_t>(1000 * seed)};
    if (!is_right(run_planted(fault, logits(), kRows))) ++wrong;
  }
  return wrong;
}

TEST(Planted, TheFaultlessKernelIsRightInEveryOrder) {
  EXPECT_EQ(wrong_results(Fault::none), 0);
  for (const simt::Order order : {simt::Order::forward, simt::Order::reverse}) {
    simt::config() = {order, 1};
    EXPECT_TRUE(is_right(run_planted(Fault::none, logits(), kRows)));
  }
}

// Two thirds of the schedules is far below what is seen (90 and more of 100) and far above what chance would need.
TEST(Planted, RandomOrderShowsMissingBarriers) {
  EXPECT_GT(wrong_results(Fault::missing_read_after_write), kSeeds * 2 / 3);
  EXPECT_GT(wrong_results(Fault::missing_write_after_read), kSeeds * 2 / 3);
  // One particular warp has to be overtaken (40 of 100 seen); the race check sees it without luck.
  EXPECT_GT(wrong_results(Fault::missing_write_after_write), kSeeds / 4);
}

// Right when blocks run one after the other as they are numbered, which a GPU does not promise: 1 order in 24.
TEST(Planted, RandomOrderShowsBlocksThatNeedEachOther) {
  simt::config() = {simt::Order::forward, 1};
  EXPECT_TRUE(is_right(run_planted(Fault::block_order, logits(), kRows)));
  EXPECT_GT(wrong_results(Fault::block_order), kSeeds * 2 / 3);
}

TEST(Planted, ParityShowsAWrongReduction) { EXPECT_EQ(wrong_results(Fault::wrong_reduction), kSeeds); }

// Another seed is another GPU: results differ, but not by more than NVIDIA's bound.
TEST(Planted, MathematicsFunctionsAreOffWithinTheirBounds) {
  int off = 0, different = 0;
  for (const float x : logits()) {
    simt::config().seed = 1;
    const float first = expf(-x), nearest = static_cast<float>(std::exp(static_cast<double>(-x)));
    EXPECT_EQ(expf(-x), first);
    simt::config().seed = 2;
    const float second = expf(-x), ulp = std::nextafterf(nearest, 2.0f) - nearest;
    EXPECT_LE(std::abs(first - nearest), 2 * ulp);
    off += first != nearest ? 1 : 0;
    different += first != second ? 1 : 0;
  }
  EXPECT_GT(off, kRows * kCols / 2);  // four of five steps, -2 .. 2
  EXPECT_GT(different, kRows * kCols / 2);
  EXPECT_EQ(expf(0.0f), 1.0f);
  for (simt::config().seed = 1; simt::config().seed < 20;
       ++simt::config().seed) {  // half and more of the smallest number
    EXPECT_EQ(expf(-103.9f), 0x1p-149f);
    EXPECT_EQ(expf(-104.0f), 0.0f);
  }
}

using PlantedDeath = ::testing::Test;

TEST(PlantedDeath, SanitizersShowAccessesOutOfBounds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run_planted(Fault::shared_out_of_bounds, logits(), kRows),
               "planted.cu:[0-9:]+ runtime error: index 4 out of bounds");
  EXPECT_DEATH(run_planted(Fault::global_out_of_bounds, logits(), kRows), "heap-buffer-overflow(.|\n)*planted.cu");
}

TEST(PlantedDeath, MisuseIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // Block, the threads of each group, what they wait for, and where.
  EXPECT_DEATH(run_planted(Fault::divergent_barrier, logits(), kRows),
               "some threads never reach, in block(.|\n)*thread [0-9]+ on: .*planted.cu:[0-9]+(.|\n)*thread 64 on");
  EXPECT_DEATH(run_planted(Fault::different_barriers, logits(), kRows),
               "different barriers(.|\n)*thread 0 on: .*planted.cu:[0-9]+(.|\n)*thread 64 on: .*planted.cu:[0-9]+");
  EXPECT_DEATH(run_planted(Fault::divergent_shuffle, logits(), kRows),
               "(lanes wait at a warp collective|a lane that has ended)(.|\n)*thread [0-9]+ on: at a warp collective");
  EXPECT_DEATH(run_planted(Fault::foreign_lane, logits(), kRows), "mask does not name it");
}

}  // namespace
}  // namespace kelvin::testing
