#include "engine/ops/pad.h"
#include "engine/ops/pooling.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {

std::vector<OpCase> pooling_cases() {
  std::vector<OpCase> cases;
  const std::pair<const char*, PoolOptions> windows[] = {
      {"2x2", {}},
      {"3x3s2p1", {.kernel = 3, .stride = 2, .pad = 1}},
      {"3x3s1", {.kernel = 3, .stride = 1}},
      {"2x2s3", {.kernel = 2, .stride = 3}}};  // gaps between windows
  for (const auto& [name, o] : windows)
    for (const std::int64_t channels : {1, 31, 32}) {
      const Shape x{2, 7, 6, channels};
      // Values lie 2/2688 apart at the nearest; a step of 3e-4 lets no two of them change places.
      cases.push_back({.name = str("max_pool2d/", name, "/", channels),
                       .inputs = {{.shape = x, .is_distinct = true}},
                       .op = [o](const std::vector<Tensor>& in) { return max_pool2d(in[0], o); },
                       .step = 3e-4f});
      cases.push_back({.name = str("avg_pool2d/", name, "/", channels),
                       .inputs = {{x}},
                       .op = [o](const std::vector<Tensor>& in) { return avg_pool2d(in[0], o); }});
    }
  for (const std::int64_t channels : {1, 31, 256})
    cases.push_back({.name = str("global_avg_pool/", channels),
                     .inputs = {{{3, 5, 4, channels}}},
                     .op = [](const std::vector<Tensor>& in) { return global_avg_pool(in[0]); }});
  for (const std::int64_t channels : {1, 31, 256})
    cases.push_back({.name = str("pad_end/", channels),
                     .inputs = {{{3, 5, 4, channels}}},
                     .op = [](const std::vector<Tensor>& in) { return pad_end(in[0]); }});
  return cases;
}

}  // namespace kelvin::testing
