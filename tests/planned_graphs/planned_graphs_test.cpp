// Every convolution and every attention of every model, in every direction and precision, has a cuDNN plan on an H100 and on an A100. No
// GPU is needed: the devices are described by their properties. Prints the plans and their workspaces.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include "engine/tape.h"
#include "kernels/attention/attention.h"
#include "kernels/attention/cudnn_attention.h"
#include "kernels/convolution/conv2d.h"
#include "kernels/convolution/cudnn_convolution.h"
#include "kernels/libraries/cuda_device.h"
#include "models/model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

constexpr std::int64_t kBatch = 128;

// The models whose shapes are tried: of a wide residual network depth 10 has every shape.
std::set<std::string> models_to_run() {
  std::set<std::string> names;
  for (const std::string& name : model_names()) {
    const bool is_wide = name.find("wrn_") != std::string::npos;
    names.insert(is_wide ? name.substr(0, name.find("wrn_")) + "wrn_10" + name.substr(name.rfind('_')) : name);
  }
  return names;
}

// Runs one image through every model, in each size and number of channels that it accepts. The kernels record the shapes that they ran with.
void run_all_models() {
  static const bool done = [] {
    using Images = std::vector<std::pair<int, int>>;  // side, channels
    for (const std::string& name : models_to_run()) {
      int taken = 0;
      for (const auto& [side, channels] : Images{{32, 3}, {28, 1}, {64, 3}, {224, 3}, {224, 1}}) {
        if ((side == 224) != name.ends_with("_224")) continue;
        ModelSpec spec = {
            .name = name, .classes = 10, .channels = channels, .height = side, .width = side, .mean = {}, .std = {}};
        std::unique_ptr<Model> model;
        try {
          model = make_model(spec, {}, 1);
        } catch (const Error& e) {
          if (e.code() == ExitCode::mistake) continue;  // the size is no multiple of the patch
          throw;
        }
        (void)model->forward(Tensor::full({1, side, side, channels}, 0.5f), Mode::eval);
        ++taken;
      }
      EXPECT_GT(taken, 0) << name;
    }
    return true;
  }();
  ASSERT_TRUE(done);
}

ConvProblem problem_of(const ConvShape& shape, ConvDirection direction, DType dtype, bool tf32) {
  const Shape &x = shape.x, &w = shape.w;
  const std::int64_t c = cudnn::padded_channels(dtype, x[3]);
  return {direction,         dtype, {kBatch, x[1], x[2], c}, {w[0], w[1], w[2], c}, shape.options.stride,
          shape.options.pad, tf32};
}

// A driver for what cuDNN compiles at run time: the machine's own, or the stand-in where there is none.
bool has_driver() {
  static const bool found = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) != nullptr ||
                            dlopen(KELVIN_STAND_IN_DRIVER, RTLD_NOW | RTLD_GLOBAL) != nullptr;
  return found;
}

class PlannedGraphsOf : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string json = testing::read_text(str(KELVIN_SOURCE_DIR, "/tests/planned_graphs/", GetParam(), ".json"));
    ASSERT_FALSE(json.empty());
    try {
      target_ = cudnn::Target::described_by(json);
    } catch (const Error& e) {
      if (e.code() == ExitCode::mistake) GTEST_SKIP() << e.what();  // no cuDNN library on this machine
      throw;
    }
    run_all_models();
  }
  cudnn::Target target_;
};

void print(const cudnn::Plan& plan, const std::string& what) {
  std::printf("%6lld  %6.1f MiB  %12s  %s\n", static_cast<long long>(plan.engine),
              static_cast<double>(plan.workspace) / 1048576.0, plan.tensor_cores ? "yes" : "no", what.c_str());
}

TEST_P(PlannedGraphsOf, EveryConvolutionHasAPlan) {
  const std::vector<ConvShape> shapes = conv2d_shapes_run(Cpu{});
  ASSERT_GT(shapes.size(), 20u);
  std::set<ConvProblem> problems;
  for (const ConvShape& shape : shapes)
    for (const ConvDirection direction :
         {ConvDirection::forward, ConvDirection::backward_data, ConvDirection::backward_filter}) {
      problems.insert(problem_of(shape, direction, DType::bf16, false));
      problems.insert(problem_of(shape, direction, DType::f32, false));
      problems.insert(problem_of(shape, direction, DType::f32, true));
      // The variants for evaluation and attacks, and the second gradient of a block's input.
      if (direction == ConvDirection::backward_filter || shape.x[1] > 64) continue;
      for (const bool is_bfloat16 : {true, false}) {
        ConvProblem more = problem_of(shape, direction, is_bfloat16 ? DType::bf16 : DType::f32, !is_bfloat16);
        more.adds = direction == ConvDirection::backward_data;
        more.has_bias = more.relu = more.has_residual = direction == ConvDirection::forward;
        problems.insert(more);
        if (direction == ConvDirection::forward) {
          more.has_residual = false;
          problems.insert(more);
        }
      }
    }
  std::printf("%zu convolutions on %s\nengine  workspace  tensor cores  convolution\n", problems.size(), GetParam());
  for (const ConvProblem& problem : problems) {
    const auto plans = cudnn::conv_plans(target_, problem, {}, 1);
    if (plans.empty()) {
      ADD_FAILURE() << "no plan for " << describe(problem);
      continue;
    }
    const cudnn::Plan& plan = plans.front();
    EXPECT_TRUE(plan.deterministic);
    EXPECT_FALSE(plan.compiled_at_run_time) << describe(problem);
    // A 1x1 convolution with stride 2 moves more bytes than it multiplies: there the heuristic may prefer other engines.
    // For the filter gradient of a patch embedding (kernel = stride) the H100's heuristic has none on tensor cores; it runs once a step.
    const bool is_patch_gradient =
        problem.direction == ConvDirection::backward_filter && problem.w[1] == problem.stride;
    if (problem.dtype == DType::bf16 && problem.w[1] > 1 && !is_patch_gradient) {
      EXPECT_TRUE(plan.tensor_cores) << describe(problem);
    }
    if (problem.dtype == DType::f32 && !problem.allow_tf32) {
      EXPECT_FALSE(plan.tensor_cores) << describe(problem);
    }
    print(plan, describe(problem));
  }
}

// In bfloat16; float32 attention has kernels of its own. One H100 and one A100 must serve what every vision transformer trains with, in
// both forms of the backward pass, without a copy of q, k or v.
TEST_P(PlannedGraphsOf, EveryAttentionHasAPlan) {
  if (!has_driver()) GTEST_SKIP() << "no libcuda.so.1 and no stand-in at " << KELVIN_STAND_IN_DRIVER;
  // Every plan is compiled, half a second each: the form whose sums have no order is tried for one number of tokens.
  std::set<cudnn::AttentionProblem> problems;
  for (const Shape& s : attention_shapes_run(Cpu{})) {
    problems.insert({false, kBatch, s[1], s[3], s[4], true});
    problems.insert({true, kBatch, s[1], s[3], s[4], true});
    if (s[1] == 197) problems.insert({true, kBatch, s[1], s[3], s[4], false});
  }
  ASSERT_GE(problems.size(), 16u);
  std::printf("%zu attentions on %s\nengine  workspace  tensor cores  attention\n", problems.size(), GetParam());
  for (const cudnn::AttentionProblem& problem : problems) {
    const auto plans = cudnn::attention_plans(target_, problem, {.deterministic = problem.deterministic}, 1);
    if (plans.empty()) {
      ADD_FAILURE() << "no plan for " << describe(problem) << ": " << cudnn::last_error();
      continue;
    }
    EXPECT_TRUE(plans.front().tensor_cores) << describe(problem);
    // dS rounded up to tiles of 128 x 128 is the most there may be.
    const auto tiles = [](std::int64_t n) { return (n + 127) / 128 * 128; };
    EXPECT_LE(plans.front().workspace,
              2 * problem.batch * problem.heads * tiles(problem.tokens) * tiles(problem.tokens) + (1 << 20));
    print(plans.front(), describe(problem));
  }
}

// Of more than 2³¹ elements the fast filter gradients of bfloat16 add up in less than float32: they are not used, so that half of the images go
// after the other, for which there are fast ones that do not.
TEST_P(PlannedGraphsOf, FilterGradientsAddUpInFloat32) {
  const auto plans_for = [&](std::int64_t images) {
    return cudnn::conv_plans(target_,
                             {.direction = ConvDirection::backward_filter,
                              .dtype = DType::bf16,
                              .x = {images, 224, 224, 64},
                              .w = {64, 3, 3, 64},
                              .pad = 1},
                             {}, 50);
  };
  const auto all = plans_for(700), half = plans_for(350);
  for (const auto& plans : {all, half})
    for (const cudnn::Plan& plan : plans) EXPECT_TRUE(plan.in_float32) << plan.engine;
  EXPECT_LT(all.size(), half.size());
  ASSERT_FALSE(half.empty());
  EXPECT_TRUE(half.front().tensor_cores);
}

// Heads that the graph does not support are no error: the plain kernels run instead.
TEST_P(PlannedGraphsOf, OddHeadsHaveNoAttentionPlan) {
  EXPECT_TRUE(cudnn::attention_plans(target_, {false, 8, 65, 3, 20}, {}, 1).empty());
  EXPECT_TRUE(cudnn::attention_plans(target_, {true, 8, 65, 3, 136}, {}, 1).empty());
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
