#include "apps/attacks/momentum_pgd.h"

#include <algorithm>
#include <cmath>

#include "apps/attacks/attack.h"
#include "apps/attacks/ball.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

struct Iterate {
  std::vector<float> x, momentum;
};

// m ← decay·m + g / mean|g|
void accumulate(Iterate& s, std::span<const float> gradient, float decay) {
  double total = 0;
  for (const float g : gradient) total += std::abs(static_cast<double>(g));
  const auto scale = total > 0 ? static_cast<float>(static_cast<double>(gradient.size()) / total) : 0.0f;
  for (std::size_t i = 0; i < gradient.size(); ++i) s.momentum[i] = decay * s.momentum[i] + scale * gradient[i];
}

// goals: the label, or the class whose loss is descended (size < 0), of every image.
void run(const Victim& victim, const ImageBatch& images, const AttackOptions& o, const PgdAttackOptions& own,
         float size, const std::string& stream, const std::vector<std::int32_t>& goals, MemberResult& result) {
  const Ball ball{o.norm, o.eps};
  std::vector<std::size_t> active = result.survivors();
  std::vector<Iterate> states(images.count());
  for (const std::size_t row : active) {
    const auto x0 = images.image(row);
    const ImageRandom random({o.seed, random_stream(stream)}, images.indices[row]);
    states[row].x = own.random_start ? ball.start_inside(x0, random) : std::vector<float>(x0.begin(), x0.end());
    states[row].momentum.assign(x0.size(), 0.0f);
  }
  for (int i = 0; i <= own.steps && !active.empty(); ++i) {
    std::vector<float> pixels;
    pixels.reserve(active.size() * images.size());
    for (const std::size_t row : active) pixels.insert(pixels.end(), states[row].x.begin(), states[row].x.end());
    const bool is_last = i == own.steps;
    const Tensor goal = victim.column(gather(goals, active));
    const Answer a = is_last ? victim.classify(images, pixels) : victim.look(images, pixels, [&](const Tensor& logits) {
      return attack_loss(o.loss, logits, goal, o.attack_tau);
    });
    std::vector<std::size_t> standing, answered;
    for (std::size_t k = 0; k < active.size(); ++k) {
      const std::size_t row = active[k];
      if (!is_last && i == 0) {
        const auto g = a.gradient_of(k);
        if (std::all_of(g.begin(), g.end(), [](float v) { return v == 0; })) result.no_gradient[row] = 1;
      }
      if (images.is_reached(row, a.prediction(k))) {
        result.keep(row, states[row].x);
        states[row] = {};
      } else {
        standing.push_back(row);
        answered.push_back(k);
      }
    }
    active = std::move(standing);
    if (is_last) break;
    parallel_for(
        static_cast<std::int64_t>(active.size()),
        [&](std::int64_t begin, std::int64_t end) {
          for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
            Iterate& s = states[active[k]];
            accumulate(s, a.gradient_of(answered[k]), own.decay);
            ball.ascend(s.x, s.momentum, size);
            ball.project(s.x, images.image(active[k]));
          }
        },
        1);
  }
}

}  // namespace

MemberResult momentum_pgd(const Victim& victim, const ImageBatch& images, const AttackOptions& o,
                          const PgdAttackOptions& own) {
  const bool to_all = o.targeting == Targeting::all;
  const float step = own.step_in(o.eps);
  MemberResult result(images);
  result.no_gradient.assign(images.count(), 0);
  const auto ranked = to_all ? classes_by_logit(victim, images) : std::vector<std::vector<std::int32_t>>();
  for (int restart = 0; restart < own.restarts; ++restart) {
    if (!to_all) {
      run(victim, images, o, own, images.targets.empty() ? step : -step, str("momentum_pgd_start/", restart),
          images.goals(), result);
      continue;
    }
    for (int k = 1; k < victim.classes(); ++k) {
      std::vector<std::int32_t> goals;
      for (const auto& order : ranked) goals.push_back(order[static_cast<std::size_t>(k)]);
      run(victim, images, o, own, -step, str("momentum_pgd_start/target", k, "/", restart), goals, result);
    }
  }
  return result;
}

}  // namespace kelvin
