#include "apps/attacks/apgd.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/attacks/attack.h"
#include "apps/attacks/ball.h"
#include "engine/ops/losses.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

constexpr float kMomentum = 0.75f;

// The state of one image.
struct State {
  std::vector<float> x, previous, gradient, best, best_gradient;
  std::vector<float> losses;  // [steps], zeros at first: the first checkpoint also reads the last entry
  float best_loss = 0, best_loss_at_check = 0, step = 0;
  bool was_reduced = true;
};

// One run: a start and its steps, on the rows of `images` that are not broken yet.
class ApgdRun {
 public:
  ApgdRun(const Victim& victim, const ImageBatch& images, const AttackOptions& options, const ApgdOptions& own,
          MemberResult& result)
      : victim_(victim),
        images_(images),
        options_(options),
        own_(own),
        result_(result),
        ball_{options.norm, options.eps} {}

  // target: one class for each row of `images`, empty if untargeted
  void operator()(const std::string& stream, const std::vector<std::int32_t>& targets) {
    active_ = result_.survivors();
    targets_ = targets;
    states_.assign(images_.count(), {});
    const RandomKey key{options_.seed, random_stream(stream)};
    for (const std::size_t row : active_) {
      State& s = states_[row];
      s.x = ball_.start_on_surface(images_.image(row), ImageRandom(key, images_.indices[row]));
      s.previous = s.x;
      s.step = 2 * options_.eps;
      s.losses.assign(static_cast<std::size_t>(own_.steps), 0.0f);
    }
    look(-1);
    std::vector<int> checkpoints = apgd_checkpoints(own_.steps);
    std::size_t next = 0;
    for (int i = 0; i < own_.steps && !active_.empty(); ++i) {
      parallel_for(
          static_cast<std::int64_t>(active_.size()),
          [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t k = begin; k < end; ++k) move(active_[static_cast<std::size_t>(k)], i);
          },
          /*cost=*/static_cast<std::int64_t>(40 * images_.size()));
      look(i);
      if (next < checkpoints.size() && i + 1 == checkpoints[next]) {
        const int period = checkpoints[next] - (next == 0 ? 0 : checkpoints[next - 1]);
        for (const std::size_t row : active_) check(states_[row], i, period);
        ++next;
      }
    }
  }

 private:
  void move(std::size_t row, int i) {
    State& s = states_[row];
    const std::span<const float> x0 = images_.image(row);
    std::vector<float> z = s.x;
    ball_.ascend(z, s.gradient, s.step);
    ball_.project(z, x0);
    const float a = i == 0 ? 1.0f : kMomentum;
    for (std::size_t j = 0; j < z.size(); ++j) z[j] = s.x[j] + (z[j] - s.x[j]) * a + (s.x[j] - s.previous[j]) * (1 - a);
    ball_.project(z, x0);
    s.previous = std::move(s.x);
    s.x = std::move(z);
  }

  [[nodiscard]] RowLoss loss_of(std::span<const std::size_t> rows) const {
    const Tensor labels = victim_.column(gather(images_.labels, rows));
    if (!targets_.empty())
      return [labels, targets = victim_.column(gather(targets_, rows))](const Tensor& logits) {
        return targeted_dlr_loss(logits, labels, targets);
      };
    return [this, labels](const Tensor& logits) {
      return attack_loss(options_.loss, logits, labels, options_.attack_tau);
    };
  }

  // Runs the model on the remaining images, removes the broken ones and records the progress of the others. i = −1: at the start.
  void look(int i) {
    std::vector<float> pixels(active_.size() * images_.size());
    for (std::size_t k = 0; k < active_.size(); ++k)
      std::copy(states_[active_[k]].x.begin(), states_[active_[k]].x.end(),
                pixels.begin() + static_cast<std::ptrdiff_t>(k * images_.size()));
    const RowLoss loss = loss_of(active_);
    Answer a = victim_.look(images_, pixels, loss);
    for (int pass = 1; pass < own_.eot; ++pass) {
      const Answer more = victim_.look(images_, pixels, loss);
      std::transform(a.loss.begin(), a.loss.end(), more.loss.begin(), a.loss.begin(), std::plus<>());
      std::transform(a.gradient.begin(), a.gradient.end(), more.gradient.begin(), a.gradient.begin(), std::plus<>());
    }
    for (float& v : a.loss) v /= static_cast<float>(own_.eot);
    for (float& v : a.gradient) v /= static_cast<float>(own_.eot);

    std::vector<std::size_t> standing;
    for (std::size_t k = 0; k < active_.size(); ++k) {
      const std::size_t row = active_[k];
      State& s = states_[row];
      const auto gradient = a.gradient_of(k);
      if (i < 0 && std::all_of(gradient.begin(), gradient.end(), [](float g) { return g == 0; }))
        result_.no_gradient[row] = 1;
      if (a.prediction(k) != images_.labels[row]) {
        result_.keep(row, s.x);
        s = {};
        continue;
      }
      standing.push_back(row);
      s.gradient.assign(gradient.begin(), gradient.end());
      if (i >= 0) s.losses[static_cast<std::size_t>(i)] = a.loss[k];
      if (i < 0 || a.loss[k] > s.best_loss) {
        s.best = s.x;
        s.best_gradient = s.gradient;
        s.best_loss = a.loss[k];
      }
      if (i < 0) s.best_loss_at_check = s.best_loss;
    }
    active_ = std::move(standing);
  }

  void check(State& s, int i, int period) const {
    int increases = 0;
    for (int back = 0; back < period; ++back) {
      const auto now = static_cast<std::size_t>(i - back);
      const std::size_t before = now == 0 ? s.losses.size() - 1 : now - 1;
      increases += s.losses[now] > s.losses[before] ? 1 : 0;
    }
    const bool is_oscillating = static_cast<float>(increases) <= own_.rho * static_cast<float>(period);
    const bool is_stuck = !s.was_reduced && s.best_loss_at_check >= s.best_loss;
    s.was_reduced = is_oscillating || is_stuck;
    s.best_loss_at_check = s.best_loss;
    if (!s.was_reduced) return;
    s.step /= 2;
    s.x = s.best;
    s.gradient = s.best_gradient;
  }

  const Victim& victim_;
  const ImageBatch& images_;
  const AttackOptions& options_;
  const ApgdOptions& own_;
  MemberResult& result_;
  Ball ball_;
  std::vector<std::size_t> active_;
  std::vector<std::int32_t> targets_;
  std::vector<State> states_;
};

}  // namespace

std::vector<int> apgd_checkpoints(int steps) {
  const auto share = [&](double s) { return std::max(static_cast<int>(s * steps), 1); };
  const int shortest = share(0.06), shorter_by = share(0.03);
  std::vector<int> at;
  int period = share(0.22);
  for (int i = period; i <= steps; i += period) {
    at.push_back(i);
    period = std::max(period - shorter_by, shortest);
  }
  return at;
}

Fields apgd_fields(ApgdOptions& o) {
  return {field("steps", o.steps, at_least(1), "Steps of a run"),
          field("restarts", o.restarts, at_least(1), "Random starts; default: 1"),
          field("targets", o.targets, at_least(1),
                "apgd-t, fab-t: target classes by rank of the clean logits; default: 9")};
}

MemberResult apgd(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                  const ApgdOptions& own) {
  MemberResult result(images);
  result.no_gradient.assign(images.count(), 0);
  ApgdRun run(victim, images, options, own, result);
  if (own.targets == 0) {
    for (int restart = 0; restart < own.restarts; ++restart)
      run(str("apgd_start/", name_of(options.loss), "/", restart), {});
    return result;
  }
  const std::vector<std::vector<std::int32_t>> ranked = classes_by_logit(victim, images);
  for (int k = 1; k <= std::min(own.targets, victim.classes() - 1); ++k)
    for (int restart = 0; restart < own.restarts; ++restart)
      run(str("apgd_start/target", k, "/", restart), ranked[static_cast<std::size_t>(k)]);
  return result;
}

}  // namespace kelvin
