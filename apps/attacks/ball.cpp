#include "apps/attacks/ball.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/attacks/pgd_bounds.h"

namespace kelvin {
namespace {

double l2_norm(std::span<const float> v) {
  double total = 0;
  for (const float value : v) total += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(total);
}

constexpr float kTiny = 1e-12f;  // keeps a zero gradient from dividing by zero

}  // namespace

void Ball::ascend(std::span<float> x, std::span<const float> gradient, float step) const {
  if (norm == Norm::linf) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += gradient[i] > 0 ? step : gradient[i] < 0 ? -step : 0.0f;
    return;
  }
  const auto factor = static_cast<double>(step) / (l2_norm(gradient) + static_cast<double>(kTiny));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += static_cast<float>(factor * static_cast<double>(gradient[i]));
}

void Ball::project(std::span<float> x, std::span<const float> x0) const {
  if (norm == Norm::linf) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = project_linf(x[i], x0[i], eps);
    return;
  }
  const float length = distance(x, x0);
  const float factor = length > eps ? eps / length : 1.0f;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = clamp_to_box(x0[i] + factor * (x[i] - x0[i]));
}

std::vector<float> Ball::direction(std::size_t size, const ImageRandom& random) const {
  std::vector<float> t(size);
  if (norm == Norm::linf) {
    for (std::size_t i = 0; i < size; ++i) t[i] = 2 * random.uniform(i) - 1;
  } else {
    for (std::size_t i = 0; i < size; i += 2) {
      const auto pair = normal_pair(random.bits(i), random.bits(i + 1));
      t[i] = pair[0];
      if (i + 1 < size) t[i + 1] = pair[1];
    }
  }
  return t;
}

std::vector<float> Ball::start_on_surface(std::span<const float> x0, const ImageRandom& random) const {
  std::vector<float> x = direction(x0.size(), random);
  double length = 0;
  if (norm == Norm::linf) {
    for (const float v : x) length = std::max(length, std::abs(static_cast<double>(v)));
  } else {
    length = l2_norm(x);
  }
  const auto factor = static_cast<float>(static_cast<double>(eps) / (length + static_cast<double>(kTiny)));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = x0[i] + factor * x[i];
  project(x, x0);
  return x;
}

std::vector<float> Ball::start_inside(std::span<const float> x0, const ImageRandom& random) const {
  std::vector<float> x = direction(x0.size(), random);
  const float factor = norm == Norm::linf ? eps : static_cast<float>(eps * random.uniform(x.size() + 8) / l2_norm(x));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = x0[i] + factor * x[i];
  project(x, x0);
  return x;
}

float Ball::length(std::span<const float> move) const {
  if (norm == Norm::l2) return static_cast<float>(l2_norm(move));
  float largest = 0;
  for (const float v : move) largest = std::max(largest, std::abs(v));
  return largest;
}

float Ball::distance(std::span<const float> x, std::span<const float> x0) const {
  double largest = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = static_cast<double>(x[i]) - static_cast<double>(x0[i]);
    largest = std::max(largest, std::abs(d));
    squares += d * d;
  }
  return static_cast<float>(norm == Norm::linf ? largest : std::sqrt(squares));
}

std::vector<std::vector<std::int32_t>> classes_by_logit(const Victim& victim, const ImageBatch& images) {
  const Answer a = victim.classify(images, images.pixels);
  std::vector<std::vector<std::int32_t>> ranked(a.classes, std::vector<std::int32_t>(images.count()));
  std::vector<std::int32_t> order(a.classes);
  for (std::size_t row = 0; row < images.count(); ++row) {
    std::iota(order.begin(), order.end(), 0);
    const auto z = a.logits_of(row);
    const std::int32_t label = images.labels[row];
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t p, std::int32_t q) {
      if ((p == label) != (q == label)) return p == label;
      return z[static_cast<std::size_t>(p)] > z[static_cast<std::size_t>(q)];
    });
    for (std::size_t k = 0; k < order.size(); ++k) ranked[k][row] = order[k];
  }
  return ranked;
}

}  // namespace kelvin
