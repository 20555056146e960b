#include "engine/ops/losses.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {

std::vector<OpCase> loss_cases() {
  std::vector<OpCase> cases;
  for (const std::int64_t classes : {2, 10, 31, 257})
    for (const double tau : {0.5, 1.0, 20.0}) {
      const std::vector<OpInput> inputs = {
          {.shape = {33, classes}, .low = -3, .high = 3},
          {.shape = {33}, .low = 0, .high = static_cast<float>(classes), .differentiable = false, .is_integer = true}};
      // The gradient of a high τ is small beside the rounding of the loss itself: it is the direction's sum that is compared.
      const float tolerance = tau > 1 ? 3e-2f : 1e-2f;
      cases.push_back({.name = str("softmax_cross_entropy/", classes, "/tau", tau),
                       .inputs = inputs,
                       .op = [tau](const std::vector<Tensor>& in) { return softmax_cross_entropy(in[0], in[1], tau); },
                       .has_bfloat16 = false,
                       .gradient_tolerance = tolerance});
      cases.push_back({.name = str("log_odds_cross_entropy/", classes, "/tau", tau),
                       .inputs = inputs,
                       .op = [tau](const std::vector<Tensor>& in) { return log_odds_cross_entropy(in[0], in[1], tau); },
                       .has_bfloat16 = false,
                       .gradient_tolerance = tolerance});
      // Logits lie 6/8481 apart at the nearest; a step of 3e-4 lets no two of them change places.
      std::vector<OpInput> distinct = inputs;
      distinct[0].is_distinct = true;
      if (tau == 1.0)
        cases.push_back({.name = str("margin_loss/", classes),
                         .inputs = distinct,
                         .op = [](const std::vector<Tensor>& in) { return margin_loss(in[0], in[1]); },
                         .has_bfloat16 = false,
                         .step = 1e-4f});
      // The denominator may be as small as a few hundredths: its curvature asks for a step smaller still.
      if (tau == 1.0 && classes >= 3)
        cases.push_back({.name = str("dlr_loss/", classes),
                         .inputs = distinct,
                         .op = [](const std::vector<Tensor>& in) { return dlr_loss(in[0], in[1]); },
                         .has_bfloat16 = false,
                         .step = 1e-5f});
      if (tau == 1.0 && classes >= 4) {
        std::vector<OpInput> with_targets = distinct;
        with_targets.push_back(inputs[1]);
        cases.push_back({.name = str("targeted_dlr_loss/", classes),
                         .inputs = with_targets,
                         .op = [](const std::vector<Tensor>& in) { return targeted_dlr_loss(in[0], in[1], in[2]); },
                         .has_bfloat16 = false,
                         .step = 1e-5f});
      }
    }
  return cases;
}

}  // namespace kelvin::testing
