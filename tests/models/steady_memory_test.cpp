// A training step leaves nothing behind: after a few steps, memory stays what it is for a thousand more.
#include <gtest/gtest.h>
#include <omp.h>
#include <unistd.h>

#include <fstream>
#include <numeric>

#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/convolution/conv2d.h"
#include "kernels/device/pool.h"
#include "models/model.h"

namespace kelvin {
namespace {

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1048576.0;
}

class SteadyMemory : public ::testing::TestWithParam<DType> {};

// resnet8 on images of 16 pixels: all of a step, convolutions of 64 channels through Winograd included, in a few milliseconds. The
// pool's numbers must not move at all; the process may grow by what the system's allocator rounds, 4 MB, which is 4 KB a step.
TEST_P(SteadyMemory, OverAThousandSteps) {
  if (GetParam() == DType::bf16 && !has_bfloat16(Cpu{})) GTEST_SKIP() << "this CPU has no bfloat16 products";
  constexpr std::int64_t batch = 16;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);  // steps this small are faster so, and on a busy machine by far
  const auto model =
      make_model({.name = "resnet8", .height = 16, .width = 16, .mean = {}, .std = {}, .precision = GetParam()}, {}, 1);
  Optimizer optimizer(model->parameters(), {.weight_decay = 5e-4f});
  const Tensor lr = Tensor::full({1}, 0.01f, DType::f32, {});
  const Tensor images = Tensor::empty({batch, 16, 16, 3}, DType::f32, {});
  fill_uniform(Cpu{}, images.view<float>(), {1, random_stream("images")}, 0.0f, 1.0f);
  std::vector<std::int32_t> classes(batch);
  std::iota(classes.begin(), classes.end(), 0);
  for (std::int32_t& c : classes) c %= 10;
  const Tensor labels = Tensor::from_host<std::int32_t>(classes, {batch});
  const auto train = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      model->parameters().zero_gradients();
      Tape tape(model->parameters());
      tape.backward(mean(softmax_cross_entropy(model->forward(images, Mode::train), labels, 1.0)));
      optimizer.step(lr);
    }
  };
  train(10);
  const PoolUse before = pool_use(Cpu{});
  const double resident_before = resident_mb();
  train(1000);
  omp_set_num_threads(threads);
  const PoolUse after = pool_use(Cpu{});
  EXPECT_EQ(after.in_use, before.in_use);
  EXPECT_EQ(after.peak, before.peak);
  EXPECT_EQ(after.cached, before.cached);
  EXPECT_LT(resident_mb() - resident_before, 4.0);
}

INSTANTIATE_TEST_SUITE_P(Precisions, SteadyMemory, ::testing::Values(DType::f32, DType::bf16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace kelvin
