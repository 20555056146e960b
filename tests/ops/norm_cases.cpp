#include "engine/ops/batch_norm.h"
#include "engine/ops/input_normalize.h"
#include "engine/ops/layer_norm.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

struct NormVariant {
  bool is_training, has_residual, relu;
};

OpCase norm_case(const std::string& name, Shape x, NormVariant v) {
  const Shape channels{x[-1]};
  OpCase c{.name = "batch_norm/" + name,
           .inputs = {{x},
                      {.shape = x, .differentiable = v.has_residual},
                      {.shape = channels, .low = 0.5f, .high = 1.5f, .keeps_float32 = true},
                      {.shape = channels, .keeps_float32 = true},
                      {.shape = channels, .differentiable = false, .keeps_float32 = true},
                      {.shape = channels, .low = 0.5f, .high = 2.0f, .differentiable = false, .keeps_float32 = true}}};
  c.op = [v](const std::vector<Tensor>& in) {
    // Running statistics are copies: a training step moves them, and a case's inputs must stay as they are.
    const BatchNormTensors norm{in[2], in[3], in[4].clone(), in[5].clone()};
    const Tensor residual = v.has_residual ? in[1] : Tensor();
    return v.is_training ? batch_norm_train(in[0], norm, residual, v.relu)
                         : batch_norm_eval(in[0], norm, residual, v.relu);
  };
  c.step = v.relu ? 2e-4f : 1e-2f;  // ReLU's kink is somewhere inside: a small step crosses it rarely
  c.gradient_tolerance = v.relu ? 4e-2f : 1e-2f;
  return c;
}

OpCase layer_norm_case(Shape x) {
  const Shape channels{x[-1]};
  return {.name = str("layer_norm/", x.rows(), "x", x.cols()),
          .inputs = {{x},
                     {.shape = channels, .low = 0.5f, .high = 1.5f, .keeps_float32 = true},
                     {.shape = channels, .keeps_float32 = true}},
          .op = [](const std::vector<Tensor>& in) { return layer_norm(in[0], in[1], in[2], 1e-6f); }};
}

OpCase input_case(const std::string& name, std::int64_t channels) {
  OpCase c{
      .name = "input_normalize/" + name,
      .inputs = {{.shape = {2, 5, 7, channels}, .low = 0, .high = 1, .keeps_float32 = true},
                 {.shape = {channels}, .low = 0.3f, .high = 0.6f, .differentiable = false, .keeps_float32 = true},
                 {.shape = {channels}, .low = 0.2f, .high = 0.4f, .differentiable = false, .keeps_float32 = true}}};
  c.op = [](const std::vector<Tensor>& in) { return input_normalize(in[0], in[1], in[2], DType::f32); };
  c.has_bfloat16 = false;
  return c;
}

}  // namespace

std::vector<OpCase> norm_cases() {
  std::vector<OpCase> cases = {input_case("grey", 1), input_case("rgb", 3)};
  const std::pair<const char*, NormVariant> variants[] = {{"train", {true, false, false}},
                                                          {"train_relu", {true, false, true}},
                                                          {"train_residual_relu", {true, true, true}},
                                                          {"eval", {false, false, false}},
                                                          {"eval_residual_relu", {false, true, true}}};
  for (const auto& [name, variant] : variants) {
    cases.push_back(norm_case(str(name, "/1"), {33, 1}, variant));
    cases.push_back(norm_case(str(name, "/31"), {3, 5, 5, 31}, variant));
    cases.push_back(norm_case(str(name, "/24"), {3, 5, 7, 24}, variant));
    cases.push_back(norm_case(str(name, "/64"), {2, 9, 9, 64}, variant));
    cases.push_back(norm_case(str(name, "/100"), {3, 4, 5, 100}, variant));
    cases.push_back(norm_case(str(name, "/257"), {2, 4, 5, 257}, variant));
  }
  for (const Shape& x :
       {Shape{1, 31}, Shape{3, 5, 33}, Shape{70, 64}, Shape{37, 100}, Shape{2, 257}, Shape{9, 384}, Shape{3, 1100}})
    cases.push_back(layer_norm_case(x));
  return cases;
}

}  // namespace kelvin::testing
