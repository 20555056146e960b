#include "apps/attacks/attack.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/evaluation/batches.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "kernels/device/step_graph.h"
#include "kernels/elementwise.h"
#include "kernels/margin_loss.h"
#include "kernels/top1.h"

namespace kelvin {
namespace {

Tensor predictions_of(const Tensor& logits) {
  const Tensor p = Tensor::empty({logits.dim(0)}, DType::i32, logits.device());
  on(p.device(), [&](const auto& dev) { argmax(dev, p.view<std::int32_t>(), logits.view<const float>()); });
  return p;
}

// One batch under attack.
class BatchAttack {
 public:
  BatchAttack(Model& model, const AttackOptions& options, const TensorBatch& batch, const Tensor& goal)
      : model_(model), options_(options), batch_(batch), goal_(goal), best_(batch.images) {}

  // What the model says at x, and the gradient of the attack's loss there.
  struct Point {
    Tensor logits, loss, gradient;
  };
  [[nodiscard]] Point look(const Tensor& x) const {
    Tape tape({x});
    Point p;
    p.logits = model_.forward(x, Mode::eval);
    p.loss = attack_loss(options_.loss, p.logits, goal_, options_.attack_tau);
    tape.backward(sum(p.loss));  // the sum, not the mean: dividing by the batch would lose the smallest gradients
    p.gradient = tape.gradient(x);
    return p;
  }

  // Keeps x where it is better than what was kept: untargeted, a high loss of the label; targeted, a low loss of the target.
  void offer(const Tensor& x, const Tensor& logits, const Tensor& loss) const {
    const Tensor prediction = predictions_of(logits);
    const Tensor success = Tensor::empty({logits.dim(0)}, DType::i32, logits.device());
    const bool is_targeted = options_.targeting != Targeting::none;
    Tensor objective = loss;
    if (is_targeted) objective = loss.clone();
    on(success.device(), [&](const auto& dev) {
      matches(dev, success.view<std::int32_t>(), prediction.view<const std::int32_t>(),
              goal_.view<const std::int32_t>(),
              /*wanted=*/is_targeted);
      if (is_targeted) scale(dev, objective.view<float>(), -1.0f);
    });
    best_.offer(x, objective, success, prediction);
  }

  // One run from a start; returns ‖x_K − x_start‖∞ of each image.
  [[nodiscard]] std::vector<float> run(int restart) const {
    const bool is_single_step = options_.attack == "fgsm";
    const bool starts_at_random = options_.random_start && !is_single_step;
    const RandomKey key{options_.seed, random_stream(str("random_start/", restart))};
    const Tensor& x0 = batch_.images;
    const Tensor start = starts_at_random ? random_start(x0, batch_.indices, options_.norm, key, options_.eps) : x0;
    const Tensor x = start.clone();
    const float direction = options_.targeting == Targeting::none ? 1.0f : -1.0f;
    const PgdOptions step{options_.eps, direction * (is_single_step ? options_.eps : options_.step)};
    StepGraph iteration(x.device());  // on the GPU one recorded iteration, replayed, is the attack
    for (int i = 0; i < (is_single_step ? 1 : options_.steps); ++i)
      iteration.run([&] {
        const Point p = look(x);
        offer(x, p.logits, p.loss);
        pgd_step(x, x0, p.gradient, options_.norm, step);
      });
    const Tensor logits = model_.forward(x, Mode::eval);
    offer(x, logits, attack_loss(options_.loss, logits, goal_, options_.attack_tau));
    return distances(x, start).linf;
  }

  struct Distances {
    std::vector<float> linf, l2;
  };
  [[nodiscard]] static Distances distances(const Tensor& a, const Tensor& b) {
    const Tensor linf = Tensor::empty({a.dim(0)}, DType::f32, a.device()), l2 = Tensor::empty_like(linf);
    on(a.device(), [&](const auto& dev) {
      image_distance(dev, linf.view<float>(), l2.view<float>(), a.view<const float>(), b.view<const float>());
    });
    return {linf.to_host<float>(), l2.to_host<float>()};
  }

  [[nodiscard]] const BestIterates& best() const { return best_; }

 private:
  Model& model_;
  const AttackOptions& options_;
  const TensorBatch& batch_;
  Tensor goal_;  // labels, or targets
  BestIterates best_;
};

// Targets of a batch by the attack's rule; the label itself is never a target.
std::vector<std::int32_t> choose_targets(const AttackOptions& o, const TensorBatch& batch, const Tensor& clean_logits) {
  const std::vector<std::int32_t> labels = batch.labels.to_host<std::int32_t>();
  if (o.targeting == Targeting::none) return labels;
  const std::vector<float> logits = clean_logits.to_host<float>();
  const auto classes = static_cast<std::int32_t>(clean_logits.dim(1));
  const RandomKey key{o.seed, random_stream("random_target")};
  std::vector<std::int32_t> targets;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::int32_t target = o.target_class;
    if (o.targeting == Targeting::random) {
      const auto bits = philox(key, static_cast<std::uint64_t>(batch.first) + i);
      target = static_cast<std::int32_t>(uniform_below(bits[0], static_cast<std::uint32_t>(classes - 1)));
      target += target >= labels[i] ? 1 : 0;
    } else if (o.targeting == Targeting::least_likely) {
      const float* const z = logits.data() + i * static_cast<std::size_t>(classes);
      target = labels[i] == 0 ? 1 : 0;
      for (std::int32_t j = 0; j < classes; ++j)
        if (j != labels[i] && z[j] < z[target]) target = j;
    }
    targets.push_back(target);
  }
  return targets;
}

void check_options(const AttackOptions& o, const ModelSpec& model) {
  if (o.attack != "fgsm" && o.attack != "pgd") throw mistake("--attack ", o.attack, " is unknown; known: fgsm, pgd");
  if (!(o.eps >= 0) || !(o.step >= 0))
    throw mistake("--eps and --step must be 0 or more, got ", o.eps, " and ", o.step);
  if (o.steps < 1 || o.restarts < 1) throw mistake("--steps and --restarts must be at least 1");
  if (o.loss == AttackLoss::dlr && model.classes < 3)
    throw mistake("--loss dlr needs at least 3 classes, the model has ", model.classes);
  if (!(o.attack_tau > 0)) throw mistake("--attack-tau must be > 0, got ", o.attack_tau);
  if (o.targeting == Targeting::fixed && (o.target_class < 0 || o.target_class >= model.classes))
    throw mistake("--targeted ", o.target_class, ": the classes are 0 to ", model.classes - 1);
}

// Fills in what is known before the attack moves: predictions, margins, and whether there is a gradient to follow.
std::vector<AttackedImage> describe_clean(const TensorBatch& batch, const BatchAttack::Point& p,
                                          const std::vector<std::int32_t>& targets, bool is_targeted) {
  const std::int64_t n = batch.images.dim(0);
  const Tensor lead = Tensor::empty({n}, DType::f32, batch.images.device());
  const Tensor max_abs = Tensor::empty_like(lead), zero_share = Tensor::empty_like(lead);
  on(lead.device(), [&](const auto& dev) {
    margin_loss_forward(dev, lead.view<float>(), p.logits.view<const float>(), batch.labels.view<const std::int32_t>());
    gradient_statistics(dev, max_abs.view<float>(), zero_share.view<float>(), p.gradient.view<const float>());
  });
  const auto labels = batch.labels.to_host<std::int32_t>(),
             predictions = predictions_of(p.logits).to_host<std::int32_t>();
  const auto leads = lead.to_host<float>(), largest = max_abs.to_host<float>(), zeros = zero_share.to_host<float>();
  std::vector<AttackedImage> images(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i].label = labels[i];
    images[i].target = is_targeted ? targets[i] : -1;
    images[i].clean_prediction = predictions[i];
    images[i].clean_margin = -leads[i];
    images[i].has_zero_gradient = largest[i] == 0.0f;
    images[i].zero_coordinates = zeros[i];
  }
  return images;
}

template <class F>
double mean_over(const std::vector<AttackedImage>& images, const F& value) {
  double total = 0;
  for (const AttackedImage& image : images) total += value(image);
  return images.empty() ? 0 : total / static_cast<double>(images.size());
}

template <class F>
double mean_over_correct(const std::vector<AttackedImage>& images, const F& value) {
  double total = 0, count = 0;
  for (const AttackedImage& image : images)
    if (image.is_clean_correct()) {
      total += value(image);
      ++count;
    }
  return count > 0 ? total / count : 0;
}

}  // namespace

Tensor attack_loss(AttackLoss loss, const Tensor& logits, const Tensor& labels, double tau) {
  switch (loss) {
    case AttackLoss::cross_entropy: return softmax_cross_entropy(logits, labels, tau);
    case AttackLoss::log_odds: return log_odds_cross_entropy(logits, labels, tau);
    case AttackLoss::margin: return margin_loss(logits, labels);
    case AttackLoss::dlr: return dlr_loss(logits, labels);
  }
  throw internal_error("unknown attack loss");
}

AttackLoss attack_loss_of(const std::string& name) {
  for (const AttackLoss loss : {AttackLoss::cross_entropy, AttackLoss::log_odds, AttackLoss::margin, AttackLoss::dlr})
    if (name == name_of(loss)) return loss;
  throw mistake("--loss ", name, " is unknown; known: ce, log-odds, margin, dlr");
}

const char* name_of(AttackLoss loss) {
  switch (loss) {
    case AttackLoss::cross_entropy: return "ce";
    case AttackLoss::log_odds: return "log-odds";
    case AttackLoss::margin: return "margin";
    case AttackLoss::dlr: return "dlr";
  }
  return "?";
}

AttackResult attack(Model& model, const ImageSet& set, const AttackOptions& options,
                    const AttackedBatchFunction& on_batch,
                    const std::function<void(std::int64_t, std::int64_t)>& progress) {
  check_options(options, model.spec());
  const Device device = model.parameters().values().device();
  const bool is_targeted = options.targeting != Targeting::none;
  AttackResult result;
  for_each_batch(set, options.batch_size, device, [&](const TensorBatch& batch) {
    const Tensor clean_logits = is_targeted ? model.forward(batch.images, Mode::eval) : Tensor();
    const std::vector<std::int32_t> targets =
        is_targeted ? choose_targets(options, batch, clean_logits) : batch.labels.to_host<std::int32_t>();
    const BatchAttack run(model, options, batch,
                          Tensor::from_host<std::int32_t>(targets, {batch.images.dim(0)}, device));

    const BatchAttack::Point at_clean = run.look(batch.images);
    std::vector<AttackedImage> images = describe_clean(batch, at_clean, targets, is_targeted);
    run.offer(batch.images, at_clean.logits, at_clean.loss);  // the clean image is the first candidate
    for (int restart = 0; restart < options.restarts; ++restart) {
      const std::vector<float> moved = run.run(restart);
      for (std::size_t i = 0; i < images.size(); ++i)
        images[i].displacement += moved[i] / static_cast<float>(options.restarts);
    }

    const auto predictions = run.best().prediction.to_host<std::int32_t>();
    const BatchAttack::Distances moved = BatchAttack::distances(run.best().images, batch.images);
    for (std::size_t i = 0; i < images.size(); ++i) {
      images[i].adversarial_prediction = predictions[i];
      images[i].linf = moved.linf[i];
      images[i].l2 = moved.l2[i];
      result.images.push_back(images[i]);
    }
    if (on_batch) on_batch(batch.first, batch.images, run.best().images);
    if (progress) progress(batch.first + batch.images.dim(0), set.count);
  });
  return result;
}

double AttackResult::clean_accuracy() const {
  return mean_over(images, [](const AttackedImage& i) { return i.is_clean_correct() ? 1.0 : 0.0; });
}
double AttackResult::robust_accuracy() const {
  return mean_over(images, [](const AttackedImage& i) { return i.is_robust() ? 1.0 : 0.0; });
}
double AttackResult::target_success_rate() const {
  return mean_over(images, [](const AttackedImage& i) { return i.adversarial_prediction == i.target ? 1.0 : 0.0; });
}
double AttackResult::zero_gradient_fraction() const {
  return mean_over_correct(images, [](const AttackedImage& i) { return i.has_zero_gradient ? 1.0 : 0.0; });
}
double AttackResult::zero_coordinate_fraction() const {
  return mean_over_correct(images, [](const AttackedImage& i) { return i.zero_coordinates; });
}
double AttackResult::mean_displacement() const {
  return mean_over(images, [](const AttackedImage& i) { return i.displacement; });
}
double AttackResult::max_linf() const {
  double largest = 0;
  for (const AttackedImage& i : images) largest = std::max<double>(largest, i.linf);
  return largest;
}
double AttackResult::max_l2() const {
  double largest = 0;
  for (const AttackedImage& i : images) largest = std::max<double>(largest, i.l2);
  return largest;
}
double AttackResult::margin_percentile(double p) const {
  if (images.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> margins;
  for (const AttackedImage& i : images) margins.push_back(i.clean_margin);
  std::sort(margins.begin(), margins.end());
  const double position = p / 100 * static_cast<double>(margins.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, margins.size() - 1);
  return margins[below] + (position - static_cast<double>(below)) * (margins[above] - margins[below]);
}

}  // namespace kelvin
