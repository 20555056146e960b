#include "apps/attacks/pgd.h"

#include "apps/attacks/gradient_at_start.h"
#include "kernels/device/step_graph.h"
#include "kernels/elementwise.h"
#include "kernels/margin_loss.h"
#include "kernels/top1.h"

namespace kelvin {
namespace {

// One batch under attack.
class BatchAttack {
 public:
  BatchAttack(Model& model, const AttackOptions& options, const TensorBatch& batch, const Tensor& goal)
      : model_(model), options_(options), batch_(batch), goal_(goal), best_(batch.images) {}

  [[nodiscard]] GradientPoint look(const Tensor& x) const {
    return kelvin::look(model_, x, goal_, options_.loss, options_.attack_tau);
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
        const GradientPoint p = look(x);
        if (!options_.last_iterate) offer(x, p.logits, p.loss);
        pgd_step(x, x0, p.gradient, options_.norm, step);
      });
    const Tensor logits = model_.forward(x, Mode::eval);
    offer(x, logits, attack_loss(options_.loss, logits, goal_, options_.attack_tau));
    return distances(x, start).linf;
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
    } else if (o.targeting == Targeting::least_likely || o.targeting == Targeting::second_most_likely) {
      const float* const z = logits.data() + i * static_cast<std::size_t>(classes);
      const float sign = o.targeting == Targeting::least_likely ? -1.0f : 1.0f;
      target = labels[i] == 0 ? 1 : 0;
      for (std::int32_t j = 0; j < classes; ++j)
        if (j != labels[i] && sign * z[j] > sign * z[target]) target = j;
    }
    targets.push_back(target);
  }
  return targets;
}

}  // namespace

AttackResult pgd_attack(Model& model, const ImageSet& set, const AttackOptions& options,
                        const AttackedBatchFunction& on_batch, const AttackProgress& progress) {
  const Device device = model.parameters().values().device();
  const bool is_targeted = options.targeting != Targeting::none;
  AttackResult result;
  for_each_batch(set, options.batch_size, device, [&](const TensorBatch& batch) {
    const Tensor clean_logits = is_targeted ? model.forward(batch.images, Mode::eval) : Tensor();
    const std::vector<std::int32_t> targets =
        is_targeted ? choose_targets(options, batch, clean_logits) : batch.labels.to_host<std::int32_t>();
    const BatchAttack run(model, options, batch,
                          Tensor::from_host<std::int32_t>(targets, {batch.images.dim(0)}, device));

    const GradientPoint at_clean = run.look(batch.images);
    std::vector<AttackedImage> images = describe_clean(batch, at_clean, targets, is_targeted);
    if (!options.last_iterate)
      run.offer(batch.images, at_clean.logits, at_clean.loss);  // the clean image is the first candidate
    for (int restart = 0; restart < options.restarts; ++restart) {
      const std::vector<float> moved = run.run(restart);
      for (std::size_t i = 0; i < images.size(); ++i)
        images[i].displacement += moved[i] / static_cast<float>(options.restarts);
    }

    const auto predictions = run.best().prediction.to_host<std::int32_t>();
    const ImageDistances moved = distances(run.best().images, batch.images);
    const Tensor lead = Tensor::empty({batch.images.dim(0)}, DType::f32, device);
    const Tensor found = model.forward(run.best().images, Mode::eval);
    on(device, [&](const auto& dev) {
      margin_loss_forward(dev, lead.view<float>(), found.view<const float>(), batch.labels.view<const std::int32_t>());
    });
    const std::vector<float> leads = lead.to_host<float>();
    for (std::size_t i = 0; i < images.size(); ++i) {
      images[i].adversarial_prediction = predictions[i];
      images[i].adversarial_margin = -leads[i];
      images[i].linf = moved.linf[i];
      images[i].l2 = moved.l2[i];
      result.images.push_back(images[i]);
    }
    if (on_batch) on_batch(batch.first, batch.images, run.best().images);
    if (progress) progress(batch.first + batch.images.dim(0), set.count);
  });
  return result;
}

}  // namespace kelvin
