#include "apps/attacks/pgd.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "apps/attacks/ball.h"
#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/standing_rows.h"
#include "apps/attacks/targets.h"
#include "apps/attacks/victim.h"
#include "apps/evaluation/shared_batches.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/top1.h"
#include "kernels/device/step_graph.h"
#include "kernels/losses/margin_loss.h"

namespace kelvin {
namespace {

constexpr std::size_t kFewest = 8;  // rows to which a batch shrinks on a GPU

// One batch after another, one run for each restart and goal. Images that are still standing lie in tensors that keep
// their place from batch to batch as long as their number does.
class BatchAttack {
 public:
  struct Outcome {
    // Where no iterate succeeded, pixels holds the one of the highest loss; with last_iterate always the last. no_gradient is
    // filled if at_clean was not given.
    MemberResult found;
    // [n], ‖x − x_start‖∞ where an image stopped, mean over the runs it took part in; −1: in none
    std::vector<float> displacement;
  };

  BatchAttack(Model& model, const AttackOptions& options, const PgdAttackOptions& own)
      : model_(model), options_(options), own_(own), device_(model.parameters().values().device()) {}

  // goals: for each run of a restart, the class of each image whose loss is followed. at_clean: a look at the batch's
  // images, which makes them the first candidates; null if none of them is a success.
  Outcome run(const TensorBatch& batch, const std::vector<Tensor>& goals, const GradientPoint* at_clean) {
    const auto n = static_cast<std::size_t>(batch.images.dim(0));
    rows_ = StandingRows(n);
    found_.pixels = batch.images.to_host<float>();
    found_.broken.assign(n, 0);
    found_.no_gradient.assign(n, 0);
    moved_.assign(n, 0.0f);
    runs_.assign(n, 0);
    hold(x0_, batch.images);
    hold(judged_by_, options_.targeting == Targeting::all ? batch.labels : goals.front());
    indices_ = batch.indices;
    if (best_ && best_->images.shape() == x0_.shape())
      best_->restart(x0_);
    else
      best_.emplace(x0_);
    watches_gradients_ = at_clean == nullptr;
    if (at_clean != nullptr && !own_.last_iterate) offer(x0_, at_clean->logits, at_clean->loss);
    const std::size_t runs = goals.size() * static_cast<std::size_t>(own_.restarts);
    for (std::size_t run = 0; run < runs && !rows_.empty(); ++run) {
      (void)let_finished_go(/*is_between_goals=*/goals.size() > 1);
      if (!rows_.empty()) run_once(run, goals[run % goals.size()]);
    }
    hand_back(all_rows(rows_.size()), own_.last_iterate ? x_ : best_->images);
    for (std::size_t i = 0; i < n; ++i) moved_[i] = runs_[i] > 0 ? moved_[i] / static_cast<float>(runs_[i]) : -1;
    return {found_, moved_};
  }

 private:
  [[nodiscard]] bool descends() const { return options_.targeting != Targeting::none; }

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
    const Tensor objective = descends() ? loss.clone() : loss;
    on(success.device(), [&](const auto& dev) {
      matches(dev, success.view<std::int32_t>(), prediction.view<const std::int32_t>(),
              judged_by_.view<const std::int32_t>(), /*wanted=*/has_targets(options_));
      if (descends()) scale(dev, objective.view<float>(), -1.0f);
    });
    best_->offer(x, objective, success, prediction);
  }

  void run_once(std::size_t run, const Tensor& goal) {
    const RandomKey key = random_start_key(options_.seed, run);
    Tensor start = own_.random_start ? random_start(x0_, indices_, options_.norm, key, options_.eps) : x0_.clone();
    hold(x_, start);
    hold(goal_, take_rows(goal, rows_.all()));
    if (own_.decay > 0) hold(momentum_, Tensor::zeros(x0_.shape(), DType::f32, device_));
    const float size = own_.step_in(options_.eps);
    const PgdOptions step{options_.eps, descends() ? -size : size, own_.decay};
    for (int i = 0; i < own_.steps; ++i) {
      processes().still_working();
      const bool reads_back = watches_gradients_ && i == 0;
      const auto iterate = [&] {
        const auto seen = [&](const GradientPoint& p) {
          if (!own_.last_iterate) offer(x_, p.logits, p.loss);
          if (reads_back) note_zeros(p.gradient);
        };
        ascend(model_, x_, x0_, loss_of(options_.loss, goal_, options_.attack_tau), options_.norm, step, seen,
               Mode::eval, momentum_);
      };
      reads_back ? iterate() : iteration_->run(iterate);
      measure(finished(), start);
      if (const auto staying = let_finished_go(); !staying.empty())
        for (Tensor* t : {&x_, &start, &goal_, &momentum_})
          if (*t) *t = take_rows(*t, staying);
      if (rows_.empty()) return;
    }
    measure(all_rows(rows_.size()), start);
    if (own_.last_iterate) return;
    const Tensor logits = model_.forward(x_, Mode::eval);
    offer(x_, logits, attack_loss(options_.loss, logits, goal_, options_.attack_tau));
  }

  // Places of the images that may leave. On a GPU none during a run: reading them back every iteration, and another shape
  // each time, would cost more there than the work that is saved. Between two goals the batch shrinks by halves.
  [[nodiscard]] std::vector<std::size_t> finished(bool is_between_goals = false) const {
    std::vector<std::size_t> places;
    const bool is_cpu = device_.kind == DeviceKind::cpu;
    if (own_.last_iterate || !(is_cpu || is_between_goals)) return places;
    const std::vector<std::int32_t> success = best_->success.to_host<std::int32_t>();
    for (std::size_t place = 0; place < success.size(); ++place)
      if (success[place] != 0) places.push_back(place);
    if (is_cpu || places.size() == success.size()) return places;
    std::size_t kept = success.size();
    while (kept / 2 >= std::max(kFewest, success.size() - places.size())) kept /= 2;
    places.resize(success.size() - kept);
    return places;
  }

  // Finished images are handed back and leave the tensors; the places of the others, or nothing if none has gone.
  std::vector<std::size_t> let_finished_go(bool is_between_goals = false) {
    const std::vector<std::size_t> going = finished(is_between_goals);
    if (going.empty()) return {};
    hand_back(going, take_rows(best_->images, going));
    return rows_.remove(
        going, {&x0_, &judged_by_, &indices_, &best_->images, &best_->loss, &best_->success, &best_->prediction});
  }

  void hand_back(const std::vector<std::size_t>& places, const Tensor& images) {
    const std::vector<float> pixels = images.to_host<float>();
    const std::vector<std::int32_t> success = best_->success.to_host<std::int32_t>();
    const std::size_t size = found_.pixels.size() / runs_.size();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::size_t row = rows_[places[i]];
      std::copy_n(pixels.data() + i * size, size, found_.pixels.data() + row * size);
      found_.broken[row] = success[places[i]] != 0 ? 1 : 0;
    }
  }

  void measure(const std::vector<std::size_t>& places, const Tensor& start) {
    if (places.empty()) return;
    const std::vector<float> linf = distances(x_, start).linf;
    for (const std::size_t place : places) {
      moved_[rows_[place]] += linf[place];
      ++runs_[rows_[place]];
    }
  }

  void note_zeros(const Tensor& gradient) {
    const Tensor zeros = Tensor::zeros(gradient.shape(), DType::f32, device_);
    const std::vector<float> largest = distances(gradient, zeros).linf;
    for (std::size_t place = 0; place < largest.size(); ++place)
      if (largest[place] == 0) found_.no_gradient[rows_[place]] = 1;
  }

  Model& model_;
  const AttackOptions& options_;
  PgdAttackOptions own_;
  Device device_;
  std::unique_ptr<StepGraph> iteration_;
  StandingRows rows_;
  Tensor x0_, x_, momentum_, goal_, indices_;
  Tensor judged_by_;  // [n], the label or target that says what a success is
  std::optional<BestIterates> best_;
  bool watches_gradients_ = false;
  MemberResult found_;
  std::vector<float> moved_;
  std::vector<int> runs_;
};

}  // namespace

RandomKey random_start_key(std::uint64_t seed, std::size_t run) {
  return {seed, random_stream(str("random_start/", run))};
}

AttackResult pgd_attack(Model& model, const ImageSet& set, const AttackOptions& options,
                        const AttackedBatchFunction& on_batch, const AttackProgress& progress) {
  const Device device = model.parameters().values().device();
  PgdAttackOptions own = options.pgd;
  if (options.attack == "fgsm") {  // one step of size ε from the image itself
    own.step = options.eps;
    own.steps = 1;
    own.random_start = false;
  }
  AttackResult result;
  BatchAttack batch_attack(model, options, own);
  result.images.resize(static_cast<std::size_t>(set.count));
  const auto attack_batch = [&](const TensorBatch& batch) {
    const std::vector<std::int32_t> targets = choose_targets(model, batch, options);
    const Tensor goal = goals_of(batch, targets);
    const GradientPoint at_clean = look(model, batch.images, loss_of(options.loss, goal, options.attack_tau));
    std::vector<AttackedImage> images = describe_clean(batch, at_clean, targets);
    const BatchAttack::Outcome outcome = batch_attack.run(batch, {goal}, &at_clean);
    const Tensor adversarial = Tensor::from_host<float>(outcome.found.pixels, batch.images.shape(), device);

    const Tensor answers = model.forward(adversarial, Mode::eval);
    const Tensor lead = Tensor::empty({batch.images.dim(0)}, DType::f32, device);
    on(device, [&](const auto& dev) {
      margin_loss_forward(dev, lead.view<float>(), answers.view<const float>(),
                          batch.labels.view<const std::int32_t>());
    });
    const auto predictions = predictions_of(answers).to_host<std::int32_t>();
    const ImageDistances moved = distances(adversarial, batch.images);
    const std::vector<float> leads = lead.to_host<float>();
    for (std::size_t i = 0; i < images.size(); ++i) {
      images[i].displacement = outcome.displacement[i];
      images[i].adversarial_prediction = predictions[i];
      images[i].adversarial_margin = -leads[i];
      images[i].linf = moved.linf[i];
      images[i].l2 = moved.l2[i];
    }
    std::ranges::copy(images, result.images.begin() + batch.first);
    if (on_batch) on_batch(batch.first, batch.images, adversarial);
  };
  each_own_batch(set, options.batch_size, device, attack_batch, progress);
  share_rows(std::span(result.images), 1, options.batch_size);
  return result;
}

MemberResult pgd_member(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                        const PgdAttackOptions& own) {
  const Device device = victim.model().parameters().values().device();
  const auto n = static_cast<std::int64_t>(images.count());
  const auto column = [&](const std::vector<std::int32_t>& values) {
    return Tensor::from_host<std::int32_t>(values, {n}, device);
  };
  std::vector<Tensor> goals;
  if (options.targeting == Targeting::all) {
    for (const auto& classes : classes_by_logit(victim, images)) goals.push_back(column(classes));
    goals.erase(goals.begin());  // the label
  } else {
    goals.push_back(column(images.goals()));
  }
  const Shape shape{n, images.height, images.width, images.channels};
  const TensorBatch batch{0, Tensor::from_host<float>(images.pixels, shape, device), column(images.labels),
                          column(images.indices)};
  return BatchAttack(victim.model(), options, own).run(batch, goals, nullptr).found;
}

}  // namespace kelvin
