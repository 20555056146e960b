#include "engine/ops/linear.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

OpCase linear_case(const std::string& name, Shape x, std::int64_t k, bool has_bias) {
  OpCase c{.name = "linear/" + name,
           .inputs = {{x}, {.shape = {k, x.cols()}, .keeps_float32 = true}, {.shape = {k}, .keeps_float32 = true}}};
  c.inputs[2].differentiable = has_bias;
  c.op = [has_bias](const std::vector<Tensor>& in) { return linear(in[0], in[1], has_bias ? in[2] : Tensor()); };
  c.any_thread_count = false;
  return c;
}

}  // namespace

std::vector<OpCase> matmul_cases() {
  return {linear_case("one", {1, 1}, 2, true), linear_case("odd", {31, 33}, 10, true),
          linear_case("wide", {3, 257}, 100, true), linear_case("no_bias", {5, 64}, 10, false),
          linear_case("tokens", {2, 7, 33}, 31, true)};
}

}  // namespace kelvin::testing
