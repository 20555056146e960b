#include "engine/ops/activation.h"
#include "engine/ops/losses.h"
#include "engine/ops/silu.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  for (const std::int64_t n : {1, 31, 33, 257}) {
    cases.push_back({.name = str("relu/", n),
                     .inputs = {{.shape = {n}, .avoid = {0}}},
                     .op = [](const std::vector<Tensor>& in) { return relu(in[0]); }});
    cases.push_back({.name = str("gelu/", n),
                     .inputs = {{.shape = {n}, .low = -3, .high = 3}},
                     .op = [](const std::vector<Tensor>& in) { return gelu(in[0]); }});
    cases.push_back({.name = str("silu/", n),
                     .inputs = {{.shape = {n}, .low = -3, .high = 3}},
                     .op = [](const std::vector<Tensor>& in) { return silu(in[0]); }});
    cases.push_back({.name = str("add/", n), .inputs = {{{n}}, {{n}}}, .op = [](const std::vector<Tensor>& in) {
                       return add(in[0], in[1]);
                     }});
    // An input used twice: its gradients add up.
    cases.push_back({.name = str("add_to_itself/", n), .inputs = {{{n}}}, .op = [](const std::vector<Tensor>& in) {
                       return add(in[0], add(in[0], in[0]));
                     }});
    cases.push_back({.name = str("mean/", n),
                     .inputs = {{{n}}},
                     .op = [](const std::vector<Tensor>& in) { return mean(in[0]); },
                     .has_bfloat16 = false});
    cases.push_back({.name = str("sum/", n),
                     .inputs = {{{n}}},
                     .op = [](const std::vector<Tensor>& in) { return sum(in[0]); },
                     .has_bfloat16 = false});
  }
  return cases;
}

}  // namespace kelvin::testing
