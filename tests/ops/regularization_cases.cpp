// Dropout, stochastic depth, resizing, smoothed labels, and a part of a network that is computed twice.
#include "engine/ops/activation.h"
#include "engine/ops/checkpointed.h"
#include "engine/ops/dropout.h"
#include "engine/ops/linear.h"
#include "engine/ops/losses.h"
#include "engine/ops/resize.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

DropoutSource source_on(Device device) { return {9, Tensor::full({1}, 3, DType::i32, device)}; }

OpCase dropout_case(Shape x, float rate, bool is_path) {
  return {.name = str(is_path ? "drop_path/" : "dropout/", x.rows(), "x", x.cols(), "/", rate),
          .inputs = {{x}},
          .op = [=](const std::vector<Tensor>& in) {
            const DropoutSource source = source_on(in[0].device());
            return is_path ? drop_path(in[0], rate, source, "layer") : dropout(in[0], rate, source, "layer");
          }};
}

OpCase resize_case(Shape x, std::int64_t height, std::int64_t width) {
  return {.name = str("resize_bilinear/", x[1], "x", x[2], "x", x[3], "to", height, "x", width),
          .inputs = {{.shape = x, .low = 0, .high = 1, .keeps_float32 = true}},
          .op = [=](const std::vector<Tensor>& in) { return resize_bilinear(in[0], height, width); },
          .has_bfloat16 = false};
}

OpCase smoothed_case(std::int64_t classes, double tau, float smoothing) {
  return {
      .name = str("softmax_cross_entropy/", classes, "/tau", tau, "/smoothing", smoothing),
      .inputs =
          {{.shape = {33, classes}, .low = -3, .high = 3},
           {.shape = {33}, .low = 0, .high = static_cast<float>(classes), .differentiable = false, .is_integer = true}},
      .op =
          [=](const std::vector<Tensor>& in) {
            return softmax_cross_entropy(in[0], in[1], temperature(tau, in[0].device()), smoothing);
          },
      .has_bfloat16 = false,
      .gradient_tolerance = tau > 1 ? 3e-2f : 1e-2f};
}

// Bias, activation and dropout computed again in backward; x is used twice inside, w is watched as a parameter is.
OpCase checkpointed_case(Shape x) {
  return {.name = str("checkpointed/", x.rows(), "x", x.cols()),
          .inputs = {{x}, {x}},
          .op = [](const std::vector<Tensor>& in) {
            const DropoutSource source = source_on(in[0].device());
            return checkpointed(in[0], {in[1]}, [w = in[1], source](const Tensor& t) {
              return add(t, dropout(gelu(add(t, w)), 0.25f, source, "inside"));
            });
          }};
}

}  // namespace

std::vector<OpCase> regularization_cases() {
  std::vector<OpCase> cases = {
      dropout_case({1, 1}, 0.5f, false),    dropout_case({33, 31}, 0.1f, false), dropout_case({7, 257}, 0.75f, false),
      dropout_case({5, 3, 11}, 0.4f, true), dropout_case({33, 1}, 0.5f, true),   dropout_case({2, 257}, 0.5f, true),
      resize_case({2, 5, 7, 3}, 11, 20),    resize_case({1, 1, 1, 1}, 3, 4),     resize_case({2, 8, 8, 1}, 56, 56),
      resize_case({1, 9, 10, 3}, 5, 4),     resize_case({1, 4, 6, 3}, 4, 33),    checkpointed_case({31, 1}),
      checkpointed_case({33, 31}),          checkpointed_case({4, 257})};
  for (const std::int64_t classes : {2, 10, 257, 1025})
    for (const double tau : {0.5, 20.0}) cases.push_back(smoothed_case(classes, tau, 0.1f));
  cases.push_back(smoothed_case(10, 1, 1.0f));
  return cases;
}

}  // namespace kelvin::testing
