#include "apps/attacks/pgd.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/standing_rows.h"
#include "apps/attacks/targets.h"
#include "apps/attacks/victim.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/top1.h"
#include "kernels/device/step_graph.h"
#include "kernels/losses/margin_loss.h"

namespace kelvin {
namespace {

// One batch after another. Images that are still standing lie in tensors that keep their place from batch to batch as long as their
// number does.
class BatchAttack {
 public:
  struct Outcome {
    Tensor images;  // [n, H, W, C], to be returned
    // [n], ‖x − x_start‖∞ where an image stopped, mean over the restarts it took part in; −1: in none
    std::vector<float> displacement;
  };

  BatchAttack(Model& model, const AttackOptions& options, Device device)
      : model_(model), options_(options), device_(device) {}

  // at_clean: a look at the batch's images; they are the first candidates.
  Outcome run(const TensorBatch& batch, const Tensor& goal, const GradientPoint& at_clean) {
    const auto n = static_cast<std::size_t>(batch.images.dim(0));
    rows_ = StandingRows(n);
    returned_ = batch.images.to_host<float>();
    moved_.assign(n, 0.0f);
    runs_.assign(n, 0);
    hold(x0_, batch.images);
    hold(goal_, goal);
    indices_ = batch.indices;
    if (best_ && best_->images.shape() == x0_.shape())
      best_->restart(x0_);
    else
      best_.emplace(x0_);
    if (!options_.pgd.last_iterate) offer(x0_, at_clean.logits, at_clean.loss);
    for (int restart = 0; restart < options_.pgd.restarts && !rows_.empty(); ++restart) {
      (void)let_finished_go();
      if (!rows_.empty()) run_restart(restart);
    }
    hand_back(all_rows(rows_.size()), options_.pgd.last_iterate ? x_ : best_->images);
    for (std::size_t i = 0; i < n; ++i) moved_[i] = runs_[i] > 0 ? moved_[i] / static_cast<float>(runs_[i]) : -1;
    return {Tensor::from_host<float>(returned_, batch.images.shape(), device_), moved_};
  }

 private:
  [[nodiscard]] bool is_targeted() const { return options_.targeting != Targeting::none; }

  // The same memory while the shape is the same; otherwise what was recorded does not hold any more.
  void hold(Tensor& place, const Tensor& values) {
    if (place && place.shape() == values.shape()) return place.copy_from(values);
    place = values.clone();
    iteration_ = std::make_unique<StepGraph>(device_);
  }

  // Keeps x where it is better than what was kept: untargeted, a high loss of the label; targeted, a low loss of the target.
  void offer(const Tensor& x, const Tensor& logits, const Tensor& loss) const {
    const Tensor prediction = predictions_of(logits);
    const Tensor success = Tensor::empty({logits.dim(0)}, DType::i32, logits.device());
    const Tensor objective = is_targeted() ? loss.clone() : loss;
    on(success.device(), [&](const auto& dev) {
      matches(dev, success.view<std::int32_t>(), prediction.view<const std::int32_t>(),
              goal_.view<const std::int32_t>(),
              /*wanted=*/is_targeted());
      if (is_targeted()) scale(dev, objective.view<float>(), -1.0f);
    });
    best_->offer(x, objective, success, prediction);
  }

  void run_restart(int restart) {
    const bool is_single_step = options_.attack == "fgsm",
               starts_at_random = options_.pgd.random_start && !is_single_step;
    const RandomKey key{options_.seed, random_stream(str("random_start/", restart))};
    Tensor start = starts_at_random ? random_start(x0_, indices_, options_.norm, key, options_.eps) : x0_.clone();
    hold(x_, start);
    const float size = is_single_step ? options_.eps : options_.pgd.step_in(options_.eps);
    const PgdOptions step{options_.eps, is_targeted() ? -size : size};
    for (int i = 0; i < (is_single_step ? 1 : options_.pgd.steps); ++i) {
      iteration_->run([&] {
        ascend(model_, x_, x0_, loss_of(options_.loss, goal_, options_.attack_tau), options_.norm, step,
               [&](const GradientPoint& p) {
                 if (!options_.pgd.last_iterate) offer(x_, p.logits, p.loss);
               });
      });
      measure(finished(), start);
      if (const auto staying = let_finished_go(); !staying.empty()) {
        x_ = take_rows(x_, staying);
        start = take_rows(start, staying);
      }
      if (rows_.empty()) return;
    }
    measure(all_rows(rows_.size()), start);
    if (options_.pgd.last_iterate) return;
    const Tensor logits = model_.forward(x_, Mode::eval);
    offer(x_, logits, attack_loss(options_.loss, logits, goal_, options_.attack_tau));
  }

  // Places of the images that may leave. None on a GPU: reading them back every iteration, and another shape each time, would cost
  // more there than the work that is saved.
  [[nodiscard]] std::vector<std::size_t> finished() const {
    std::vector<std::size_t> places;
    if (options_.pgd.last_iterate || device_.kind != DeviceKind::cpu) return places;
    const std::vector<std::int32_t> success = best_->success.to_host<std::int32_t>();
    for (std::size_t place = 0; place < success.size(); ++place)
      if (success[place] != 0) places.push_back(place);
    return places;
  }

  // Finished images are handed back and leave the tensors; the places of the others, or nothing if none has gone.
  std::vector<std::size_t> let_finished_go() {
    const std::vector<std::size_t> going = finished();
    if (going.empty()) return {};
    hand_back(going, take_rows(best_->images, going));
    return rows_.remove(going,
                        {&x0_, &goal_, &indices_, &best_->images, &best_->loss, &best_->success, &best_->prediction});
  }

  void hand_back(const std::vector<std::size_t>& places, const Tensor& images) {
    const std::vector<float> pixels = images.to_host<float>();
    const std::size_t size = returned_.size() / moved_.size();
    for (std::size_t i = 0; i < places.size(); ++i)
      std::copy_n(pixels.data() + i * size, size, returned_.data() + rows_[places[i]] * size);
  }

  void measure(const std::vector<std::size_t>& places, const Tensor& start) {
    if (places.empty()) return;
    const std::vector<float> linf = distances(x_, start).linf;
    for (const std::size_t place : places) {
      moved_[rows_[place]] += linf[place];
      ++runs_[rows_[place]];
    }
  }

  Model& model_;
  const AttackOptions& options_;
  Device device_;
  std::unique_ptr<StepGraph> iteration_;
  StandingRows rows_;
  Tensor x0_, x_, goal_, indices_;
  std::optional<BestIterates> best_;
  std::vector<float> returned_, moved_;
  std::vector<int> runs_;
};

}  // namespace

AttackResult pgd_attack(Model& model, const ImageSet& set, const AttackOptions& options,
                        const AttackedBatchFunction& on_batch, const AttackProgress& progress) {
  const Device device = model.parameters().values().device();
  const bool is_targeted = options.targeting != Targeting::none;
  AttackResult result;
  BatchAttack batch_attack(model, options, device);
  for_each_batch(set, options.batch_size, device, [&](const TensorBatch& batch) {
    const std::vector<std::int32_t> targets = choose_targets(model, batch, options);
    const Tensor goal = goals_of(batch, targets);
    const GradientPoint at_clean = look(model, batch.images, loss_of(options.loss, goal, options.attack_tau));
    std::vector<AttackedImage> images = describe_clean(batch, at_clean, targets, is_targeted);
    const BatchAttack::Outcome found = batch_attack.run(batch, goal, at_clean);

    const Tensor answers = model.forward(found.images, Mode::eval);
    const Tensor lead = Tensor::empty({batch.images.dim(0)}, DType::f32, device);
    on(device, [&](const auto& dev) {
      margin_loss_forward(dev, lead.view<float>(), answers.view<const float>(),
                          batch.labels.view<const std::int32_t>());
    });
    const auto predictions = predictions_of(answers).to_host<std::int32_t>();
    const ImageDistances moved = distances(found.images, batch.images);
    const std::vector<float> leads = lead.to_host<float>();
    for (std::size_t i = 0; i < images.size(); ++i) {
      images[i].displacement = found.displacement[i];
      images[i].adversarial_prediction = predictions[i];
      images[i].adversarial_margin = -leads[i];
      images[i].linf = moved.linf[i];
      images[i].l2 = moved.l2[i];
      result.images.push_back(images[i]);
    }
    if (on_batch) on_batch(batch.first, batch.images, found.images);
    if (progress) progress(batch.first + batch.images.dim(0), set.count);
  });
  return result;
}

}  // namespace kelvin
