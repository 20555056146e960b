#include "apps/attacks/fab.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/attacks/attack.h"
#include "apps/attacks/ball.h"
#include "apps/attacks/hyperplane.h"
#include "kernels/attacks/pgd_bounds.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

// A linearised decision boundary at a point: f = z_t − z_y and its gradient.
struct Boundary {
  float f = 0;
  std::vector<float> w;
};

constexpr float kFloor = 1e-8f;  // the authors': two moves of zero share their weight equally

class FabRun {
 public:
  FabRun(const Victim& victim, const ImageBatch& images, const AttackOptions& o, const FabOptions& own,
         MemberResult& result)
      : victim_(victim), images_(images), o_(o), own_(own), result_(result), ball_{o.norm, o.eps} {}

  void operator()(const std::string& stream, bool starts_at_random, const std::vector<std::int32_t>& targets) {
    std::vector<std::size_t> active = own_.minimise ? all_rows(images_.count()) : result_.survivors();
    x_.assign(images_.count(), {});
    for (const std::size_t row : active) {
      const auto x0 = images_.image(row);
      if (starts_at_random) {
        const Ball start{o_.norm, 0.5f * std::min(result_.distance[row], o_.eps)};
        x_[row] = start.start_on_surface(x0, {{o_.seed, random_stream(stream)}, images_.indices[row]});
      } else {
        x_[row].assign(x0.begin(), x0.end());
      }
    }
    for (int i = 0; i < own_.steps && !active.empty(); ++i) {
      std::vector<Boundary> boundaries;
      look(active, targets, boundaries);
      if (active.empty()) break;
      parallel_for(
          static_cast<std::int64_t>(active.size()),
          [&](std::int64_t begin, std::int64_t end) {
            for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k)
              move(active[k], boundaries[k]);
          },
          /*cost=*/static_cast<std::int64_t>(100 * images_.size()));
    }
    // Classifies the points that the last moves reached.
    const std::vector<float> pixels = stack(active);
    const Answer a = victim_.classify(images_, pixels);
    for (std::size_t k = 0; k < active.size(); ++k)
      if (a.prediction(k) != images_.labels[active[k]]) accept(active[k]);
  }

 private:
  [[nodiscard]] std::vector<float> stack(std::span<const std::size_t> rows) const {
    std::vector<float> pixels;
    pixels.reserve(rows.size() * images_.size());
    for (const std::size_t row : rows) pixels.insert(pixels.end(), x_[row].begin(), x_[row].end());
    return pixels;
  }

  // Records a misclassified x₁ and pulls it back. Returns whether the image is finished.
  bool accept(std::size_t row) {
    const auto x0 = images_.image(row);
    const float distance = ball_.distance(x_[row], x0);
    if (distance < result_.distance[row]) {
      result_.distance[row] = distance;
      if (distance <= o_.eps) result_.keep(row, x_[row]);
    }
    if (!own_.minimise && result_.broken[row] != 0) return true;
    for (std::size_t j = 0; j < x0.size(); ++j) x_[row][j] = x0[j] + (x_[row][j] - x0[j]) * own_.beta;
    return false;
  }

  // Accepts and pulls back the misclassified images, which are most of them after most steps. Then linearises the boundary at each image that
  // continues.
  void look(std::vector<std::size_t>& active, const std::vector<std::int32_t>& targets,
            std::vector<Boundary>& boundaries) {
    const Answer a = victim_.classify(images_, stack(active));
    std::vector<std::size_t> standing;
    for (std::size_t k = 0; k < active.size(); ++k)
      if (a.prediction(k) == images_.labels[active[k]] || !accept(active[k])) standing.push_back(active[k]);
    active = std::move(standing);
    boundaries = linearise(active, targets);
  }

  [[nodiscard]] std::vector<Boundary> linearise(const std::vector<std::size_t>& rows,
                                                const std::vector<std::int32_t>& targets) const {
    std::vector<Boundary> found(rows.size());
    const std::vector<float> pixels = stack(rows);
    const std::vector<std::int32_t> labels = gather(images_.labels, rows);
    const auto towards = [&](const std::vector<std::int32_t>& classes) {
      const auto columns = static_cast<std::size_t>(victim_.classes());
      std::vector<float> weights(rows.size() * columns, 0.0f);
      for (std::size_t k = 0; k < rows.size(); ++k) {
        weights[k * columns + static_cast<std::size_t>(classes[k])] = 1;
        weights[k * columns + static_cast<std::size_t>(labels[k])] = -1;
      }
      return victim_.pull_back(images_, pixels, weights);
    };
    if (!targets.empty()) {
      const Answer a = towards(gather(targets, rows));
      for (std::size_t k = 0; k < rows.size(); ++k)
        found[k] = {a.loss[k], {a.gradient_of(k).begin(), a.gradient_of(k).end()}};
      return found;
    }
    std::vector<double> nearest(rows.size(), std::numeric_limits<double>::infinity());
    for (int step = 1; step < victim_.classes();
         ++step) {  // label + 1, label + 2, ... modulo C: every other class once
      std::vector<std::int32_t> classes = labels;
      for (std::int32_t& c : classes) c = (c + step) % victim_.classes();
      const Answer a = towards(classes);
      for (std::size_t k = 0; k < rows.size(); ++k) {
        const double distance = std::abs(a.loss[k]) / (1e-12 + dual_norm(o_.norm, a.gradient_of(k)));
        if (distance >= nearest[k]) continue;
        nearest[k] = distance;
        found[k] = {a.loss[k], {a.gradient_of(k).begin(), a.gradient_of(k).end()}};
      }
    }
    return found;
  }

  void move(std::size_t row, const Boundary& boundary) {
    const auto x0 = images_.image(row);
    std::vector<float>& x = x_[row];
    const double b = dot(boundary.w, x) - static_cast<double>(boundary.f);
    std::vector<float> d1(x.size()), d2(x.size());
    project_onto_hyperplane(o_.norm, d1, x, boundary.w, b);
    project_onto_hyperplane(o_.norm, d2, x0, boundary.w, b);
    const float a1 = std::max(ball_.length(d1), kFloor), a2 = std::max(ball_.length(d2), kFloor);
    const float alpha = std::min(a1 / (a1 + a2), own_.alpha_max);
    for (std::size_t j = 0; j < x.size(); ++j)
      x[j] = clamp_to_box((x[j] + own_.eta * d1[j]) * (1 - alpha) + (x0[j] + own_.eta * d2[j]) * alpha);
  }

  const Victim& victim_;
  const ImageBatch& images_;
  const AttackOptions& o_;
  const FabOptions& own_;
  MemberResult& result_;
  Ball ball_;
  std::vector<std::vector<float>> x_;
};

}  // namespace

Fields fab_fields(FabOptions& o) {
  return {field("steps", o.steps, at_least(1), "Steps of a run"),
          field("restarts", o.restarts, at_least(1), "Random starts; default: 1"),
          field("targets", o.targets, at_least(1), "fab-t: target classes by rank of the clean logits; default: 9")};
}

MemberResult fab(const Victim& victim, const ImageBatch& images, const AttackOptions& o, const FabOptions& own) {
  MemberResult result(images);
  result.distance.assign(images.count(), std::numeric_limits<float>::infinity());
  FabRun run(victim, images, o, own, result);
  for (int restart = 0; restart < own.restarts; ++restart) {
    if (own.targets == 0) {
      run(str("fab_start/", restart), restart > 0, {});
      continue;
    }
    const std::vector<std::vector<std::int32_t>> ranked = classes_by_logit(victim, images);
    for (int k = 1; k <= std::min(own.targets, victim.classes() - 1); ++k)
      run(str("fab_start/target", k, "/", restart), restart > 0, ranked[static_cast<std::size_t>(k)]);
  }
  if (!own.minimise) result.distance.clear();  // images left before the smallest distance was found
  return result;
}

}  // namespace kelvin
