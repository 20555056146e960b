// A parameter's gradient has the same bits if it is written in place or added to zeros, and if filters are rounded together or one by one, on
// both devices, in both element types. Every op with parameters is tested, one of them inside a checkpointed block.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/activation.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/checkpointed.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/tokens.h"
#include "engine/parameters.h"
#include "engine/tape.h"
#include "kernels/convolution/conv2d.h"
#include "kernels/libraries/cuda_device.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

Tensor drawn(const char* name, Shape shape, Device device, DType dtype) {
  return Tensor::from_host<float>(draw(shape.size(), name, -1, 1), shape).to(device).to(dtype);
}

struct Network {
  explicit Network(Device device) {
    parameters.allocate(device, 3);
    running_mean = Tensor::zeros({16}, DType::f32, device);
    running_variance = Tensor::full({16}, 1, DType::f32, device);
  }

  [[nodiscard]] const Parameter& add(const char* name, Shape shape) {
    return parameters.add({name, shape, {Init::Kind::normal, 0, 0.5f}, shape.rank() > 1});
  }
  // [B, 4, 4, 3] -> [B, 5, 7]
  [[nodiscard]] Tensor forward(const Tensor& x, bool is_checkpointed) const {
    const BatchNormTensors norm{gamma.value, beta.value, running_mean, running_variance};
    const Tensor a = batch_norm_train(conv2d(x, filter.value, {.pad = 1}), norm, {}, true);
    const Tensor b = batch_norm_train(conv2d(a, pointwise.value, {}), norm, a, true);
    const Tensor patches = conv2d(b, patch.value, {.stride = 2}).reshape({x.dim(0), 4, 24});
    const Tensor tokens = embed_tokens(patches, patch_bias.value, class_token.value, positions.value);
    const auto head = [this](const Tensor& t) {
      return linear(layer_norm(t, scale.value, shift.value, 1e-6f), weight.value, bias.value);
    };
    const std::vector<Tensor> head_parameters = {scale.value, shift.value, weight.value, bias.value};
    return is_checkpointed ? checkpointed(tokens, head_parameters, head) : head(tokens);
  }

  Parameters parameters;
  const Parameter& filter = add("filter", {16, 3, 3, 3});
  const Parameter& gamma = add("gamma", {16});
  const Parameter& beta = add("beta", {16});
  const Parameter& unused = add("unused", {5});
  const Parameter& pointwise = add("pointwise", {16, 1, 1, 16});
  const Parameter& patch = add("patch", {24, 2, 2, 16});
  const Parameter& patch_bias = add("patch_bias", {24});
  const Parameter& class_token = add("class_token", {1, 1, 24});
  const Parameter& positions = add("positions", {1, 5, 24});
  const Parameter& scale = add("scale", {24});
  const Parameter& shift = add("shift", {24});
  const Parameter& weight = add("weight", {7, 24});
  const Parameter& bias = add("bias", {7});
  Tensor running_mean, running_variance;
};

struct TapeSettings {
  ParameterGradients mode;
  bool watches_all = true;  // else all but the unused one: parameters are then rounded one by one
};

// All gradients of a network that is used once or twice; they begin as zeros, or, where they are replaced, as NaN.
std::vector<std::vector<float>> gradients(Device device, DType dtype, bool is_checkpointed, int uses,
                                          const TapeSettings& settings) {
  Network net(device);
  const bool replaces = settings.mode == ParameterGradients::replace;
  net.parameters.gradients().copy_from(
      Tensor::full(net.parameters.gradients().shape(), replaces ? std::nanf("") : 0.0f, DType::f32, device));
  std::vector<const Parameter*> watched;
  for (const Parameter& p : net.parameters)
    if (settings.watches_all || &p != &net.unused) watched.push_back(&p);
  Tape tape(watched, settings.mode);
  Tensor y = net.forward(drawn("first", {3, 4, 4, 3}, device, dtype), is_checkpointed);
  for (int i = 1; i < uses; ++i)
    y = add(y, net.forward(drawn(str("again ", i).c_str(), {3, 4, 4, 3}, device, dtype), is_checkpointed));
  tape.backward(y, drawn("dy", y.shape(), device, dtype));
  std::vector<std::vector<float>> all;
  for (const Parameter& p : net.parameters) all.push_back(p.gradient.to_host<float>());
  return all;
}

TEST(KernelParity, ParameterGradientsAreTheSameWhereverTheyAreWritten) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  std::vector<Device> devices = {{}};
  if (cuda != nullptr) devices.push_back({DeviceKind::cuda, cuda});
  for (const Device device : devices)
    for (const DType dtype : {DType::f32, DType::bf16}) {
      if (device.kind == DeviceKind::cpu && dtype == DType::bf16 && !has_bfloat16(Cpu{})) continue;
      for (const bool is_checkpointed : {false, true})
        for (const int uses : {1, 2, 3}) {
          SCOPED_TRACE(str(device.kind == DeviceKind::cpu ? "CPU " : "GPU ", name_of(dtype), ", ", uses, " uses",
                           is_checkpointed ? ", checkpointed" : ""));
          const auto added = gradients(device, dtype, is_checkpointed, uses, {ParameterGradients::add});
          EXPECT_EQ(added, gradients(device, dtype, is_checkpointed, uses, {ParameterGradients::replace}));
          EXPECT_EQ(added, gradients(device, dtype, is_checkpointed, uses, {ParameterGradients::add, false}));
          EXPECT_TRUE(std::all_of(added.begin(), added.end(), [](const auto& g) { return is_finite(g); }));
        }
    }
}

}  // namespace
}  // namespace kelvin::testing
