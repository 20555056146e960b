#include "apps/explorer/class_plane.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kelvin {
namespace {

using Vector = std::vector<double>;

double product(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }
double length(const Vector& a) { return std::sqrt(product(a, a)); }

Vector minus(Vector a, const Vector& b) {
  for (std::size_t k = 0; k < a.size(); ++k) a[k] -= b[k];
  return a;
}

// What of `a` is orthogonal to the unit vectors, as a unit vector; empty if nothing is left but rounding. Twice, because
// one pass leaves rounding errors of the size of `a` (Kahan's "twice is enough").
Vector direction_beside(Vector a, const std::vector<Vector>& units) {
  const double before = length(a);
  for (int pass = 0; pass < 2; ++pass)
    for (const Vector& unit : units) {
      const double along = product(a, unit);
      for (std::size_t k = 0; k < a.size(); ++k) a[k] -= along * unit[k];
    }
  const double after = length(a);
  if (!(after > 1e-9 * before)) return {};
  for (double& x : a) x /= after;
  return a;
}

// Two orthonormal vectors: along the first candidates that have a direction of their own, then along axes.
std::vector<Vector> basis_along(const std::vector<Vector>& candidates) {
  std::vector<Vector> units;
  const std::size_t d = candidates.front().size();
  for (std::size_t i = 0; i < candidates.size() + d && units.size() < 2; ++i) {
    Vector candidate(d, 0.0);
    if (i < candidates.size())
      candidate = candidates[i];
    else
      candidate[i - candidates.size()] = 1;
    if (Vector unit = direction_beside(std::move(candidate), units); !unit.empty()) units.push_back(std::move(unit));
  }
  units.resize(2, Vector(d, 0.0));  // features of one dimension
  return units;
}

}  // namespace

ClassPlane::ClassPlane(std::span<const float> logits, std::span<const float> feature, std::span<const float> prototypes,
                       std::span<const float> bias, bool is_cosine)
    : is_cosine_(is_cosine) {
  const std::size_t classes = logits.size(), d = feature.size(), n = std::min<std::size_t>(3, classes);
  std::vector<std::int32_t> order(classes);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::int32_t j) { return logits[static_cast<std::size_t>(j)]; });
  nearest_.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n));

  std::vector<Vector> rows;
  for (std::size_t j = 0; j < classes; ++j) rows.push_back(point_of(prototypes.subspan(j * d, d)));
  mean_.assign(d, 0.0);
  for (const std::int32_t j : nearest_)
    for (std::size_t k = 0; k < d; ++k) mean_[k] += rows[static_cast<std::size_t>(j)][k] / static_cast<double>(n);
  const Vector point = point_of(feature);
  std::vector<Vector> candidates;
  for (const std::int32_t j : nearest_) candidates.push_back(minus(rows[static_cast<std::size_t>(j)], mean_));
  candidates.push_back(minus(point, mean_));
  std::vector<Vector> units = basis_along(candidates);
  u_ = std::move(units[0]);
  v_ = std::move(units[1]);

  for (const Vector& row : rows) prototypes_.push_back(project_point(row));
  for (const std::int32_t j : nearest_) {
    const auto at = static_cast<std::size_t>(j);
    offsets_.push_back(product(mean_, rows[at]) + (is_cosine ? 0.0 : static_cast<double>(bias[at])));
    distances_.push_back(length(minus(point, rows[at])));
  }
}

ClassPlane::Vector ClassPlane::point_of(std::span<const float> values) const {
  Vector point(values.begin(), values.end());
  if (const double norm = length(point); is_cosine_ && norm > 0)
    for (double& x : point) x /= norm;
  return point;
}

PlanePoint ClassPlane::project_point(const Vector& point) const {
  const Vector from_mean = minus(point, mean_);
  return {product(from_mean, u_), product(from_mean, v_)};
}

PlanePoint ClassPlane::project(std::span<const float> feature) const { return project_point(point_of(feature)); }

double ClassPlane::distance_to(std::span<const float> feature) const {
  Vector beside = minus(point_of(feature), mean_);
  const PlanePoint q = project(feature);
  for (std::size_t k = 0; k < beside.size(); ++k) beside[k] -= q[0] * u_[k] + q[1] * v_[k];
  const double distance = length(beside);
  return distance > 1e-12 * std::hypot(q[0], q[1]) ? distance : 0;
}

}  // namespace kelvin
