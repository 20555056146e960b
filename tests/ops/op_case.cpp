#include "tests/ops/op_case.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/tape.h"
#include "kernels/device/philox.h"

namespace kelvin::testing {
namespace {

float away_from(const std::vector<float>& kinks, float distance, float value) {
  for (const float kink : kinks)
    if (std::abs(value - kink) < distance) return value < kink ? kink - distance : kink + distance;
  return value;
}

// The same order of sizes, at equal distances.
Floats spread_evenly(const Floats& values, float low, float high) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  Floats even(values.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    even[order[rank]] = low + (high - low) * (static_cast<float>(rank) + 0.5f) / static_cast<float>(order.size());
  return even;
}

}  // namespace

Floats draw(std::int64_t n, const std::string& stream, float low, float high) {
  const RandomKey key{2025, random_stream(stream)};
  Floats values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = low + (high - low) * uniform01(philox(key, i / 4)[i % 4]);
  return values;
}

Tensor begins_at(std::int64_t offset, const Floats& values, Shape shape, Device device, DType dtype) {
  Floats all(static_cast<std::size_t>(offset), 0.0f);
  all.insert(all.end(), values.begin(), values.end());
  const Tensor memory = Tensor::from_host<float>(all, {offset + shape.size()}).to(dtype);
  return memory.to(device).narrow(offset, shape.size()).reshape(shape);
}

Floats floats_of(const Tensor& t) { return t.to(DType::f32).to_host<float>(); }

double dot(const Floats& a, const Floats& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

bool is_finite(const Floats& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

double relative_error(const Floats& a, const Floats& b) {
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(difference / std::max(dot(b, b), 1e-30));
}

Tensor cotangent_for(const OpCase& c, const Tensor& y) {
  const Floats values = draw(y.size(), c.name + "/cotangent", -1, 1);
  return Tensor::from_host<float>(values, y.shape(), y.device()).to(y.dtype());
}

OpResult run_case(const OpCase& c, const std::vector<Tensor>& inputs, unsigned mask) {
  std::vector<Tensor> watched;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (c.inputs[i].differentiable && (mask >> i & 1u)) watched.push_back(inputs[i]);
  Tape tape(watched);
  const Tensor y = c.op(inputs);
  OpResult r;
  r.y = floats_of(y);
  if (!watched.empty()) tape.backward(y, cotangent_for(c, y));
  for (const Tensor& w : watched) r.gradients.push_back(floats_of(tape.gradient(w)));
  return r;
}

void PrintTo(const OpCase& c, std::ostream* out) { *out << c.name; }

std::vector<OpCase> all_op_cases() {
  std::vector<OpCase> all;
  for (auto list : {convolution_cases(), matmul_cases(), transformer_cases(), norm_cases(), elementwise_cases(),
                    pooling_cases(), loss_cases(), adversarial_cases(), regularization_cases()})
    for (OpCase& c : list) all.push_back(std::move(c));
  return all;
}

std::vector<Tensor> draw_inputs(const OpCase& c, DType dtype, bool rounded) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const OpInput& in = c.inputs[i];
    Floats values = draw(in.shape.size(), str(c.name, "/input", i), in.low, in.high);
    if (in.is_integer) {
      std::vector<std::int32_t> integers(values.begin(), values.end());
      inputs.push_back(Tensor::from_host<std::int32_t>(integers, in.shape));
      continue;
    }
    if (in.is_distinct) values = spread_evenly(values, in.low, in.high);
    for (float& v : values) v = away_from(in.avoid, c.kink_distance, v);
    if (rounded)
      for (float& v : values) v = float(bfloat16(v));
    const Tensor t = Tensor::from_host<float>(values, in.shape);
    inputs.push_back(in.keeps_float32 ? t : t.to(dtype));
  }
  return inputs;
}

}  // namespace kelvin::testing
