// Every convolution of every model, in every direction and precision, has a cuDNN plan on an H100 and on an A100. No GPU is needed:
// the devices are described by their properties. Prints the plans and their workspaces.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

#include "engine/tape.h"
#include "kernels/conv2d.h"
#include "kernels/cudnn/convolution.h"
#include "kernels/device/cuda_device.h"
#include "models/model.h"

namespace kelvin {
namespace {

using cudnn::ConvProblem;
using cudnn::Direction;

constexpr std::int64_t kBatch = 128;

// What the models convolve, found by running one image through each.
std::vector<ConvShape> convolutions_of_all_models() {
  using Images = std::vector<std::pair<int, int>>;  // side, channels
  for (const std::string& name : model_names()) {
    const Images images = name.ends_with("_224") ? Images{{224, 3}, {224, 1}} : Images{{32, 3}, {28, 1}, {64, 3}};
    for (const auto& [side, channels] : images) {
      const auto model = make_model(
          {.name = name, .classes = 10, .channels = channels, .height = side, .width = side, .mean = {}, .std = {}}, {},
          1);
      (void)model->forward(Tensor::full({1, side, side, channels}, 0.5f), Mode::eval);
    }
  }
  return conv2d_shapes_run(Cpu{});
}

ConvProblem problem_of(const ConvShape& shape, Direction direction, DType dtype, bool tf32) {
  const Shape &x = shape.x, &w = shape.w;
  const std::int64_t c = cudnn::padded_channels(dtype, x[3]);
  return {direction,         dtype, {kBatch, x[1], x[2], c}, {w[0], w[1], w[2], c}, shape.options.stride,
          shape.options.pad, tf32};
}

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class PlannedGraphsOf : public ::testing::TestWithParam<const char*> {};

TEST_P(PlannedGraphsOf, EveryConvolutionHasAPlan) {
  const std::string json = read_text(str(KELVIN_SOURCE_DIR, "/tests/planned_graphs/", GetParam(), ".json"));
  ASSERT_FALSE(json.empty());
  cudnn::Target target;
  try {
    target = cudnn::Target::described_by(json);
  } catch (const Error& e) {
    if (e.code() == ExitCode::mistake) GTEST_SKIP() << e.what();  // no cuDNN library on this machine
    throw;
  }
  const std::vector<ConvShape> shapes = convolutions_of_all_models();
  ASSERT_GT(shapes.size(), 20u);
  std::set<ConvProblem> problems;
  for (const ConvShape& shape : shapes)
    for (const Direction direction : {Direction::forward, Direction::backward_data, Direction::backward_filter}) {
      problems.insert(problem_of(shape, direction, DType::bf16, false));
      problems.insert(problem_of(shape, direction, DType::f32, false));
      problems.insert(problem_of(shape, direction, DType::f32, true));
    }
  std::printf("%zu convolutions on %s\nengine  workspace  tensor cores  convolution\n", problems.size(), GetParam());
  for (const ConvProblem& problem : problems) {
    const auto plans = cudnn::conv_plans(target, problem, {}, 1);
    if (plans.empty()) {
      ADD_FAILURE() << "no plan for " << cudnn::describe(problem);
      continue;
    }
    const cudnn::ConvPlan& plan = plans.front();
    EXPECT_TRUE(plan.deterministic);
    // A 1x1 convolution with stride 2 moves more bytes than it multiplies: there the heuristic may prefer other engines.
    // For the filter gradient of a patch embedding (kernel = stride) the H100's heuristic has none on tensor cores; it runs once a step.
    const bool is_patch_gradient = problem.direction == Direction::backward_filter && problem.w[1] == problem.stride;
    if (problem.dtype == DType::bf16 && problem.w[1] > 1 && !is_patch_gradient) {
      EXPECT_TRUE(plan.tensor_cores) << cudnn::describe(problem);
    }
    if (problem.dtype == DType::f32 && !problem.allow_tf32) {
      EXPECT_FALSE(plan.tensor_cores) << cudnn::describe(problem);
    }
    std::printf("%6lld  %6.1f MiB  %12s  %s\n", static_cast<long long>(plan.engine),
                static_cast<double>(plan.workspace) / 1048576.0, plan.tensor_cores ? "yes" : "no",
                cudnn::describe(problem).c_str());
  }
}

// On a machine with a GPU: prints its description, from which the files beside this one come.
TEST(PlannedGraphs, DescriptionOfThisGpu) {
  std::string reason;
  if (open_cuda(reason) == nullptr) GTEST_SKIP() << reason;
  const std::string json = cudnn::device_description(0);
  EXPECT_EQ(json.front(), '{');
  std::printf("%s\n", json.c_str());
}

INSTANTIATE_TEST_SUITE_P(Devices, PlannedGraphsOf, ::testing::Values("h100", "a100"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace kelvin
