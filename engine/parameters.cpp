#include "engine/parameters.h"

#include <cmath>

#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/arrays/reduce.h"

namespace kelvin {
namespace {

std::int64_t aligned(std::int64_t n) {
  return (n + kParameterAlignment - 1) / kParameterAlignment * kParameterAlignment;
}

std::int64_t total_of(const std::deque<Parameter>& list) {
  std::int64_t total = 0;
  for (const Parameter& p : list) total += aligned(p.spec.shape.size());
  return total;
}

Tensor slice(const Tensor& flat, std::int64_t begin, const Shape& shape) {
  return flat.narrow(begin, shape.size()).reshape(shape);
}

void initialise(const Parameter& p, std::uint64_t seed) {
  const RandomKey key{seed, random_stream("init/" + p.spec.name)};
  const View<float> v = p.value.view<float>();
  const Init& init = p.spec.init;
  on(p.value.device(), [&](const auto& dev) {
    switch (init.kind) {
      case Init::Kind::constant: return fill(dev, v, init.a);
      case Init::Kind::uniform: return fill_uniform(dev, v, key, init.a, init.b);
      case Init::Kind::normal: return fill_normal(dev, v, key, init.a, init.b);
    }
  });
}

}  // namespace

// NaN and infinity are handed on by a sum of squares.
bool is_finite(const Tensor& flat) {
  if (flat.size() == 0) return true;
  const Tensor norm = Tensor::empty({1}, DType::f32, flat.device());
  on(flat.device(), [&](const auto& dev) { reduce_norm(dev, norm.view<float>(), flat.view<const float>()); });
  return std::isfinite(norm.item());
}

Init constant_init(float value) { return {Init::Kind::constant, value, 0}; }

Init fan_in_uniform(std::int64_t fan_in) {
  const float bound = 1.0f / std::sqrt(static_cast<float>(fan_in));
  return {Init::Kind::uniform, -bound, bound};
}

bool Parameters::are_finite() const { return is_finite(values_) && is_finite(buffer_values_); }

void Parameters::require_finite(const std::string& path) const {
  if (are_finite()) return;
  for (const auto* parameters : {&parameters_, &buffers_})
    for (const Parameter& p : *parameters)
      if (!is_finite(p.value))
        throw mistake(path, ": tensor ", p.spec.name, " holds infinite numbers or NaN; take the file from a copy");
}

const Parameter& Parameters::add(ParameterSpec spec) {
  KELVIN_CHECK(!values_ && find(spec.name) == nullptr, "parameter ", spec.name);
  return parameters_.emplace_back(Parameter{.spec = std::move(spec), .owner = this, .value = {}, .gradient = {}});
}

const Parameter& Parameters::add_buffer(ParameterSpec spec) {
  KELVIN_CHECK(!values_ && find(spec.name) == nullptr, "buffer ", spec.name);
  return buffers_.emplace_back(Parameter{.spec = std::move(spec), .owner = this, .value = {}, .gradient = {}});
}

void Parameters::allocate(Device device, std::uint64_t seed) {
  KELVIN_CHECK(!values_, "allocated twice");
  values_ = Tensor::zeros({total_of(parameters_)}, DType::f32, device);
  gradients_ = Tensor::zeros({total_of(parameters_)}, DType::f32, device);
  buffer_values_ = Tensor::zeros({total_of(buffers_)}, DType::f32, device);

  std::int64_t at = 0;
  for (const bool decays : {true, false}) {
    for (Parameter& p : parameters_) {
      if (p.spec.weight_decay != decays) continue;
      p.offset = at;
      p.value = slice(values_, at, p.spec.shape);
      p.gradient = slice(gradients_, at, p.spec.shape);
      at += aligned(p.spec.shape.size());
    }
    if (decays) decayed_ = at;
  }
  at = 0;
  for (Parameter& b : buffers_) {
    b.offset = at;
    b.value = slice(buffer_values_, at, b.spec.shape);
    at += aligned(b.spec.shape.size());
  }
  for (const Parameter& p : parameters_) initialise(p, seed);
  for (const Parameter& b : buffers_) initialise(b, seed);
}

const Parameter* Parameters::find(const std::string& name) const {
  for (const auto* list : {&parameters_, &buffers_})
    for (const Parameter& p : *list)
      if (p.spec.name == name) return &p;
  return nullptr;
}

std::int64_t Parameters::count() const {
  std::int64_t n = 0;
  for (const Parameter& p : parameters_) n += p.spec.shape.size();
  return n;
}

void Parameters::zero_gradients() const {
  on(gradients_.device(), [&](const auto& dev) { fill(dev, gradients_.view<float>(), 0.0f); });
}

}  // namespace kelvin
