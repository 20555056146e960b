// Trajectories of ten steps against PyTorch (tools/golden/optimizers.py).
#include "engine/optim.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/npy.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(KELVIN_GOLDEN_DIR) / "optimizers";

struct Case {
  const char* name;
  OptimizerOptions options;
};

class OptimizerTest : public ::testing::TestWithParam<Case> {};

TEST_P(OptimizerTest, TenStepsAsPyTorch) {
  const std::vector<float> start = read_npy(kGolden / "start.npy").to_float();
  const std::vector<float> gradients = read_npy(kGolden / "gradients.npy").to_float();
  const std::vector<float> expected = read_npy(kGolden / (std::string(GetParam().name) + ".npy")).to_float();
  const auto n = static_cast<std::int64_t>(start.size());
  Parameters p;
  const Parameter& w = p.add({"w", {n}, {}});
  const Parameter& undecayed = p.add({"b", {n}, {}, false});
  p.allocate({}, 0);
  w.value.copy_from_host(start);
  undecayed.value.copy_from_host(start);
  Optimizer optimizer(p, GetParam().options);
  const Tensor lr = Tensor::full({1}, 0.1f);
  for (std::size_t step = 0; step < 10; ++step) {
    const std::span<const float> g(gradients.data() + step * start.size(), start.size());
    w.gradient.copy_from_host(g);
    undecayed.gradient.copy_from_host(g);
    optimizer.step(lr);
    const std::vector<float> values = w.value.to_host<float>();
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], expected[step * start.size() + i], 1e-5f) << "step " << step;  // values of size 1
  }
  EXPECT_NE(undecayed.value.to_host<float>(), w.value.to_host<float>());  // weight decay spares it
}

// Gaps between parameters are zero and stay zero, because a step updates all parameters as one array.
TEST(Optimizer, OneLaunchForAllThatDecayAndOneForTheRest) {
  Parameters p;
  for (const std::int64_t n : {1, 10, 63, 64, 65, 432}) {
    p.add({str("decays.", n), {n}, {}});
    p.add({str("rests.", n), {n}, {}, false});
  }
  p.allocate({}, 0);
  EXPECT_EQ(Optimizer(p, {.weight_decay = 5e-4f}).launches(), 2U);
}

using Kind = OptimizerOptions::Kind;
INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerTest,
                         ::testing::Values(Case{"sgd", {.kind = Kind::sgd, .weight_decay = 5e-4f}},
                                           Case{"nesterov",
                                                {.kind = Kind::sgd, .nesterov = true, .weight_decay = 5e-4f}},
                                           Case{"adam", {.kind = Kind::adam, .weight_decay = 5e-4f}},
                                           Case{"adamw", {.kind = Kind::adamw, .weight_decay = 0.05f}}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace kelvin
