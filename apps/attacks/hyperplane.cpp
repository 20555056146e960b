#include "apps/attacks/hyperplane.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace kelvin {

double dot(std::span<const float> a, std::span<const float> b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return total;
}

double dual_norm(Norm norm, std::span<const float> w) {
  if (norm == Norm::l2) return std::sqrt(dot(w, w));
  double total = 0;
  for (const float value : w) total += std::abs(static_cast<double>(value));
  return total;
}

// By the conditions of optimality, coordinate i moves against the sign of its weight by min(λ·rate_i, slack_i), with the same λ for all. rate_i
// is 1 in L∞ and |w_i| in L2; slack_i is the distance to the bound of the pixel box. λ is the point where Σ |w_i|·move_i reaches the distance to
// the hyperplane. Each term of the sum grows linearly until λ_i = slack_i / rate_i, so that after sorting the λ_i one division gives λ.
void project_onto_hyperplane(Norm norm, std::span<float> d, std::span<const float> t, std::span<const float> w,
                             double b) {
  struct Piece {
    float end, slope;
  };
  const bool is_l2 = norm == Norm::l2;
  double distance = dot(w, t) - b;
  const float flip = distance < 0 ? -1.0f : 1.0f;
  distance *= static_cast<double>(flip);
  const auto slack = [&](std::size_t i) {
    const float weight = flip * w[i];
    return weight > 0 ? t[i] : weight < 0 ? 1 - t[i] : 0.0f;
  };

  std::vector<Piece> pieces;
  pieces.reserve(t.size());
  double slope = 0;  // of Σ |w_i|·move_i at the present λ
  for (std::size_t i = 0; i < t.size(); ++i) {
    const float size = std::abs(w[i]), available = slack(i);
    if (size == 0 || available <= 0) continue;
    pieces.push_back({is_l2 ? available / size : available, is_l2 ? size * size : size});
    slope += static_cast<double>(pieces.back().slope);
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& p, const Piece& q) { return p.end < q.end; });

  double reached = 0, lambda = 0;
  bool is_reached = distance <= 0;
  for (const Piece& p : pieces) {
    if (is_reached) break;
    const double end = static_cast<double>(p.end);
    if (slope > 0 && reached + (end - lambda) * slope >= distance) {
      lambda += (distance - reached) / slope;
      is_reached = true;
      break;
    }
    reached += (end - lambda) * slope;
    lambda = end;
    slope -= static_cast<double>(p.slope);
  }
  const float stretch = is_reached ? static_cast<float>(lambda) : std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < t.size(); ++i) {
    const float weight = flip * w[i];
    const float length = weight == 0 ? 0.0f : std::min(is_l2 ? stretch * std::abs(weight) : stretch, slack(i));
    d[i] = weight > 0 ? -length : length;
  }
}

}  // namespace kelvin
