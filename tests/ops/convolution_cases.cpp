#include "engine/ops/activation.h"
#include "engine/ops/conv2d.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

OpCase conv_case(const std::string& name, Shape x, Shape w, ConvOptions o) {
  OpCase c{.name = "conv2d/" + name, .inputs = {{x}, {.shape = w, .keeps_float32 = true}}};
  c.op = [o](const std::vector<Tensor>& in) { return conv2d(in[0], in[1], o); };
  c.any_thread_count = false;  // the filter gradient's sum is oneDNN's
  return c;
}

// Two convolutions of one image: the gradient of the second is added to that of the first in place.
OpCase branches_case(const std::string& name, Shape x, Shape w) {
  OpCase c{.name = "conv2d/" + name,
           .inputs = {{x}, {.shape = w, .keeps_float32 = true}, {.shape = w, .keeps_float32 = true}}};
  c.op = [](const std::vector<Tensor>& in) {
    const std::int64_t pad = in[1].dim(1) / 2;
    return add(conv2d(in[0], in[1], {.pad = pad}), conv2d(in[0], in[2], {.pad = pad}));
  };
  c.any_thread_count = false;
  return c;
}

OpCase fused_case(const std::string& name, Shape x, Shape w, Shape y, bool has_residual, bool relu, ConvOptions o) {
  OpCase c{.name = "conv2d_fused/" + name,
           .inputs = {{x},
                      {.shape = y},
                      {.shape = w, .differentiable = false, .keeps_float32 = true},
                      {.shape = {w[0]}, .differentiable = false, .keeps_float32 = true}}};
  if (!has_residual) c.inputs[1].differentiable = false;
  c.op = [=](const std::vector<Tensor>& in) {
    return conv2d_fused(in[0], in[2], in[3], has_residual ? in[1] : Tensor(), relu, o);
  };
  if (relu) c.step = 2e-4f;  // ReLU's kink is somewhere among the outputs: a small step crosses it rarely
  c.has_kinks = relu;
  c.gradient_tolerance = 3e-2f;
  c.any_thread_count = false;
  return c;
}

// Without a bias: the last convolution of a pre-activation block.
OpCase residual_case(const std::string& name, Shape x, Shape w) {
  OpCase c = fused_case(name, x, w, x, true, false, {});
  c.op = [](const std::vector<Tensor>& in) { return conv2d_fused(in[0], in[2], {}, in[1], false, {.pad = 1}); };
  return c;
}

// A ReLU's output read by one convolution or two, whose gradients are added before the ReLU's mask.
OpCase masked_case(const std::string& name, Shape x, std::int64_t between, std::int64_t readers) {
  OpCase c{.name = "conv2d_fused/" + name,
           .inputs = {{x},
                      {.shape = {between, 3, 3, x[3]}, .differentiable = false, .keeps_float32 = true},
                      {.shape = {between}, .differentiable = false, .keeps_float32 = true},
                      {.shape = {8, 3, 3, between}, .differentiable = false, .keeps_float32 = true},
                      {.shape = {8}, .differentiable = false, .keeps_float32 = true}}};
  c.op = [=](const std::vector<Tensor>& in) {
    const Tensor h = conv2d_fused(in[0], in[1], in[2], {}, true, {.pad = 1});
    const auto read = [&] { return conv2d_fused(h, in[3], in[4], {}, false, {.pad = 1}); };
    return readers == 1 ? read() : add(read(), read());
  };
  c.step = 2e-4f;  // as above
  c.has_kinks = true;
  c.gradient_tolerance = 3e-2f;
  c.any_thread_count = false;
  return c;
}

}  // namespace

std::vector<OpCase> convolution_cases() {
  return {
      conv_case("one_pixel", {1, 1, 1, 1}, {1, 1, 1, 1}, {}),
      conv_case("grey_stem", {2, 9, 9, 1}, {16, 3, 3, 1}, {.pad = 1}),
      conv_case("rgb_stem", {2, 9, 9, 3}, {16, 3, 3, 3}, {.pad = 1}),
      conv_case("odd_channels", {3, 7, 5, 31}, {33, 3, 3, 31}, {.pad = 1}),
      conv_case("stride2", {2, 9, 9, 16}, {32, 3, 3, 16}, {.stride = 2, .pad = 1}),
      conv_case("projection", {2, 8, 8, 16}, {32, 1, 1, 16}, {.stride = 2}),
      conv_case("five_by_five", {2, 9, 9, 17}, {10, 5, 5, 17}, {.pad = 2}),
      conv_case("valid_257", {1, 4, 4, 257}, {24, 3, 3, 257}, {}),
      branches_case("two_branches", {2, 7, 7, 16}, {16, 3, 3, 16}),
      branches_case("two_rgb_branches", {2, 7, 7, 3}, {8, 3, 3, 3}),
      branches_case("two_pointwise_branches", {2, 7, 7, 24}, {8, 1, 1, 24}),
      fused_case("bias", {2, 5, 5, 16}, {8, 1, 1, 16}, {2, 5, 5, 8}, false, false, {}),
      fused_case("bias_relu", {2, 9, 9, 16}, {33, 3, 3, 16}, {2, 9, 9, 33}, false, true, {.pad = 1}),
      fused_case("bias_residual_relu", {2, 9, 9, 16}, {16, 3, 3, 16}, {2, 9, 9, 16}, true, true, {.pad = 1}),
      fused_case("bias_residual", {2, 9, 9, 31}, {16, 3, 3, 31}, {2, 5, 5, 16}, true, false, {.stride = 2, .pad = 1}),
      residual_case("residual", {2, 9, 9, 16}, {16, 3, 3, 16}),
      residual_case("residual_odd_channels", {2, 7, 5, 31}, {31, 3, 3, 31}),
      masked_case("masked", {2, 7, 7, 16}, 24, 1),
      masked_case("masked_and_added", {2, 7, 7, 16}, 24, 2),
      masked_case("masked_odd_channels", {2, 7, 7, 16}, 5, 1),
      masked_case("masked_and_added_odd_channels", {2, 7, 7, 16}, 5, 2),
  };
}

}  // namespace kelvin::testing
