#include <cmath>

#include "engine/ops/adversarial_losses.h"
#include "engine/ops/losses.h"
#include "engine/ops/scaling.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

Tensor scalar_on(const Tensor& like, double value) {
  return Tensor::full({1}, static_cast<float>(value), DType::f32, like.device());
}

Tensor pair_on(const Tensor& like, float a, float b) {
  const float values[] = {a, b};
  return Tensor::from_host<float>(values, {2}, like.device());
}

}  // namespace

std::vector<OpCase> adversarial_cases() {
  std::vector<OpCase> cases;
  struct Temperatures {
    double outer, clean, adversarial;
  };
  for (const std::int64_t classes : {2, 10, 33, 257, 1100})
    for (const Temperatures& t : {Temperatures{1, 1, 1}, {2, 0.5, 3}}) {
      const std::int64_t rows = classes > 1000 ? 3 : 31;
      const OpInput logits = {.shape = {rows, classes}, .low = -3, .high = 3};
      // Two rivals that change places within a step would put a kink there: values apart, and a small step.
      const OpInput distinct = {.shape = {rows, classes}, .low = -3, .high = 3, .is_distinct = true};
      const OpInput labels = {
          .shape = {rows}, .low = 0, .high = static_cast<float>(classes), .differentiable = false, .is_integer = true};
      const std::string suffix = str(classes, "/tau", t.clean, "-", t.adversarial);
      cases.push_back({.name = "softmax_kl/" + suffix,
                       .inputs = {logits, logits},
                       .op =
                           [t](const std::vector<Tensor>& in) {
                             return softmax_kl(in[0], in[1], scalar_on(in[0], t.clean),
                                               scalar_on(in[0], t.adversarial));
                           },
                       .has_bfloat16 = false});
      cases.push_back({.name = "mart_loss/" + suffix,
                       .inputs = {logits, distinct, labels},
                       .op =
                           [t](const std::vector<Tensor>& in) {
                             return mart_loss(in[0], in[1], in[2],
                                              {scalar_on(in[0], t.outer), scalar_on(in[0], t.clean),
                                               scalar_on(in[0], t.adversarial), pair_on(in[0], 0.8f, 5)});
                           },
                       .has_bfloat16 = false,
                       .step = 1e-3f,
                       .gradient_tolerance = 2e-2f});
    }
  for (const float smoothing : {0.0f, 0.2f})
    for (const std::int64_t classes : {2, 10, 257, 1100})
      cases.push_back({.name = str("softmax_cross_entropy_of_log_tau/", classes, "/smoothing", smoothing),
                       .inputs = {{.shape = {classes > 1000 ? 3 : 33, classes}, .low = -3, .high = 3},
                                  {.shape = {1}, .low = -1, .high = 1},
                                  {.shape = {classes > 1000 ? 3 : 33},
                                   .low = 0,
                                   .high = static_cast<float>(classes),
                                   .differentiable = false,
                                   .is_integer = true}},
                       .op =
                           [=](const std::vector<Tensor>& in) {
                             return softmax_cross_entropy(in[0], in[2], exponential(in[1]), smoothing);
                           },
                       .has_bfloat16 = false,
                       .cancellation = 10});  // one number from up to 33 rows of either sign, each about 1
  for (const std::int64_t cols : {1, 31, 33, 257, 1100}) {
    // A row of one number has length |x|: its direction is a sign, and the gradient is exactly zero.
    if (cols > 1)
      cases.push_back({.name = str("normalize_rows/", cols),
                       .inputs = {{.shape = {7, cols}, .low = -2, .high = 2}},
                       .op = [](const std::vector<Tensor>& in) { return normalize_rows(in[0], 15); },
                       .has_bfloat16 = false});
    cases.push_back({.name = str("multiply/", cols),
                     .inputs = {{.shape = {3, cols}}},
                     .op = [](const std::vector<Tensor>& in) { return multiply(in[0], scalar_on(in[0], 2.5)); },
                     .has_bfloat16 = false});
  }
  return cases;
}

}  // namespace kelvin::testing
