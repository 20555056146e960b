#include "apps/attacks/carlini_wagner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/attacks/attack.h"
#include "apps/attacks/ball.h"
#include "engine/ops/losses.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

constexpr float kInside = 0.999999f;  // keeps arctanh of a pixel of 0 or 1 finite
constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kAdamEpsilon = 1e-8f;
constexpr float kUnknown = 1e10f;  // an upper end of c that no success has set
constexpr float kEnoughProgress = 0.9999f;
constexpr float kLogitRounding = 1e-4f;  // of the largest logit: ten times the difference between summation orders

struct SearchState {
  std::vector<float> v, x, first, second;
  float c = 0, lower = 0, upper = kUnknown;
  double cost_at_check = 0;
  bool has_succeeded = false;
};

float pixel_of(float v) { return 0.5f * (std::tanh(v) + 1); }

void reset(SearchState& s, std::span<const float> x0) {
  s.v.resize(x0.size());
  s.x.resize(x0.size());
  s.first.assign(x0.size(), 0.0f);
  s.second.assign(x0.size(), 0.0f);
  for (std::size_t j = 0; j < x0.size(); ++j) {
    s.v[j] = std::atanh((2 * x0[j] - 1) * kInside);
    s.x[j] = pixel_of(s.v[j]);
  }
  s.cost_at_check = std::numeric_limits<double>::infinity();
  s.has_succeeded = false;
}

// One step of Adam on v. pull: the derivative of the cost with respect to max_{j≠goal} z_j − z_goal: ±c, or 0 where it is clamped.
// margin_gradient: the gradient of that difference.
void descend(SearchState& s, std::span<const float> x0, std::span<const float> margin_gradient, float pull, int step,
             float learning_rate) {
  const float correction1 = 1 - std::pow(kBeta1, static_cast<float>(step)),
              correction2 = 1 - std::pow(kBeta2, static_cast<float>(step));
  for (std::size_t j = 0; j < x0.size(); ++j) {
    const float through_tanh = 2 * s.x[j] * (1 - s.x[j]);  // dx'/dv
    const float g = (2 * (s.x[j] - x0[j]) + pull * margin_gradient[j]) * through_tanh;
    s.first[j] = kBeta1 * s.first[j] + (1 - kBeta1) * g;
    s.second[j] = kBeta2 * s.second[j] + (1 - kBeta2) * g * g;
    s.v[j] -= learning_rate * (s.first[j] / correction1) / (std::sqrt(s.second[j] / correction2) + kAdamEpsilon);
    s.x[j] = pixel_of(s.v[j]);
  }
}

void choose_next_c(SearchState& s) {
  if (s.has_succeeded) {
    s.upper = std::min(s.upper, s.c);
  } else {
    s.lower = std::max(s.lower, s.c);
  }
  s.c = s.upper < kUnknown ? 0.5f * (s.lower + s.upper) : s.c * 10;
}

}  // namespace

Fields carlini_wagner_fields(CarliniWagnerOptions& o) {
  return {field("steps", o.steps, at_least(1), "Steps for each constant"),
          field("search-steps", o.search_steps, at_least(1), "cw in L2: binary search for its constant; default: 9"),
          field("cw-lr", o.learning_rate, above(0), "cw in L2: learning rate; default: 0.01")};
}

MemberResult carlini_wagner_l2(const Victim& victim, const ImageBatch& images, const AttackOptions& o,
                               const CarliniWagnerOptions& own) {
  const Ball ball{Norm::l2, o.eps};
  MemberResult result(images);
  result.distance.assign(images.count(), std::numeric_limits<float>::infinity());
  std::vector<SearchState> states(images.count());
  for (SearchState& s : states) s.c = own.c_start;
  // margin_loss, max_{j≠goal} z_j − z_goal, is the lead that a target has to overcome; the lead of a label is its negative.
  const float sign = images.targets.empty() ? -1.0f : 1.0f;

  for (int search = 0; search < own.search_steps; ++search) {
    std::vector<std::size_t> active = all_rows(images.count());
    for (const std::size_t row : active) reset(states[row], images.image(row));
    for (int step = 0; step <= own.steps && !active.empty(); ++step) {
      std::vector<float> pixels;
      pixels.reserve(active.size() * images.size());
      for (const std::size_t row : active) pixels.insert(pixels.end(), states[row].x.begin(), states[row].x.end());
      const Tensor goals = victim.column(gather(images.goals(), active));
      const Answer a = victim.look(images, pixels, [&](const Tensor& logits) { return margin_loss(logits, goals); });
      const bool is_check = step > 0 && step % std::max(1, own.steps / 10) == 0;
      std::vector<std::size_t> standing, answered;
      for (std::size_t k = 0; k < active.size(); ++k) {
        const std::size_t row = active[k];
        SearchState& s = states[row];
        const float distance = ball.distance(s.x, images.image(row));
        const float lead = sign * a.loss[k];
        // The search ends at the boundary, where the rounding of another batch could change the prediction back to the label.
        float largest = 0;
        for (const float z : a.logits_of(k)) largest = std::max(largest, std::abs(z));
        const float slack = kLogitRounding * largest;
        if (images.is_reached(row, a.prediction(k)) && lead + own.confidence <= -slack) {
          s.has_succeeded = true;
          if (distance < result.distance[row]) {
            result.distance[row] = distance;
            if (distance <= o.eps) result.keep(row, s.x);
          }
        }
        const double cost = static_cast<double>(distance) * distance +
                            static_cast<double>(s.c) * static_cast<double>(std::max(lead + own.confidence, 0.0f));
        const bool is_done =
            is_check && s.has_succeeded && cost > s.cost_at_check * static_cast<double>(kEnoughProgress);
        if (is_check) s.cost_at_check = cost;
        if (is_done || step == own.steps) continue;
        standing.push_back(row);
        answered.push_back(k);
      }
      parallel_for(
          static_cast<std::int64_t>(standing.size()),
          [&](std::int64_t begin, std::int64_t end) {
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
              SearchState& s = states[standing[i]];
              const std::size_t k = answered[i];
              const bool is_clamped = sign * a.loss[k] + own.confidence <= 0;
              descend(s, images.image(standing[i]), a.gradient_of(k), is_clamped ? 0 : sign * s.c, step + 1,
                      own.learning_rate);
            }
          },
          /*cost=*/static_cast<std::int64_t>(40 * images.size()));
      active = std::move(standing);
    }
    for (SearchState& s : states) choose_next_c(s);
  }
  return result;
}

}  // namespace kelvin
