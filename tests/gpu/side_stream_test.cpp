// On a GPU: work beside a recorded step (kernels/device/side_stream.h) is done when it is joined, and its memory is not reused until then.
// Skipped, by name, where there is none.
#include "kernels/device/side_stream.h"

#include <gtest/gtest.h>

#include "engine/tensor.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/device/pool.h"
#include "kernels/device/step_graph.h"
#include "tests/gpu/gpu_test.h"

namespace kelvin {
namespace {

class SideStreamOnGpu : public GpuTest {
 protected:
  [[nodiscard]] Device fork() const {
    return on(gpu_, [](const auto& dev) { return fork_side(dev); });
  }
  void join() const {
    on(gpu_, [](const auto& dev) { join_side(dev); });
  }
  [[nodiscard]] Tensor ones() const { return Tensor::full({1 << 18}, 1.0f, DType::f32, gpu_); }
  static void add(const Device& device, const Tensor& sum, const Tensor& x) {
    on(device, [&](const auto& dev) { accumulate(dev, sum.view<float>(), x.view<const float>()); });
  }
  static void* take(const Device& device, std::size_t bytes) {
    return on(device, [&](const auto& dev) { return pool_allocate(dev, bytes); });
  }
  static void give_back(const Device& device, void* block, std::size_t bytes) {
    on(device, [&](const auto& dev) { pool_free(dev, block, bytes); });
  }
};

TEST_F(SideStreamOnGpu, WhatIsBesideIsDoneWhenItIsJoined) {
  constexpr int kRuns = 6, kAdditions = 20;
  const Tensor x = ones(), beside_sum = ones(), sum = ones();
  StepGraph graph(gpu_);
  for (int run = 0; run < kRuns; ++run)
    graph.run([&] {
      const Device beside = fork();
      for (int i = 0; i < kAdditions; ++i) add(beside, beside_sum, x);
      for (int i = 0; i < kAdditions; ++i) add(gpu_, sum, x);
      join();
      add(gpu_, sum, beside_sum);
    });
  EXPECT_TRUE(graph.has_replayed());
  float expected_beside = 1, expected = 1;  // whole numbers below 2²⁴: exact
  for (int run = 0; run < kRuns; ++run) {
    expected_beside += kAdditions;
    expected += kAdditions + expected_beside;
  }
  for (const float v : beside_sum.to_host<float>()) ASSERT_EQ(v, expected_beside);
  for (const float v : sum.to_host<float>()) ASSERT_EQ(v, expected);
}

TEST_F(SideStreamOnGpu, ScratchMemoryBesideIsKeptUntilItIsJoined) {
  constexpr std::size_t kBytes = 3 << 20;
  int recordings = 0;
  StepGraph graph(gpu_);
  for (int run = 0; run < 3; ++run)
    graph.run([&] {
      const Device beside = fork();
      if (beside == gpu_) return;  // nothing is recorded: all is one stream
      ++recordings;
      void* const scratch = take(beside, kBytes);
      give_back(beside, scratch, kBytes);
      void* const other = take(gpu_, kBytes);
      EXPECT_NE(other, scratch);
      join();
      void* const afterwards = take(gpu_, kBytes);
      EXPECT_EQ(afterwards, scratch);
      for (void* const block : {other, afterwards}) give_back(gpu_, block, kBytes);
    });
  EXPECT_EQ(recordings, 1);
}

TEST_F(SideStreamOnGpu, WhereNothingIsRecordedTheDeviceItselfIsBeside) { EXPECT_EQ(fork(), gpu_); }

}  // namespace
}  // namespace kelvin
