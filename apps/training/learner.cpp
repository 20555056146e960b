#include "apps/training/learner.h"

#include <array>

#include "data/batch_loader.h"
#include "engine/clip_gradients.h"
#include "engine/ops/scaling.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/reduce.h"
#include "kernels/arrays/top1.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

// Of a whole batch of `images`, those of this rank.
std::int64_t own_images(std::int64_t images) {
  const Processes& all = processes();
  return begin_of_part(images, all.rank() + 1, all.size()) - begin_of_part(images, all.rank(), all.size());
}

// values <- their mean over the ranks
void average_over_ranks(const Tensor& values) {
  if (values.size() == 0 || !processes().are_many()) return;
  std::vector<float> host = values.to_host<float>();
  processes().sum(std::span(host), "the mean of BatchNorm's running statistics");
  for (float& v : host) v /= static_cast<float>(processes().size());
  values.copy_from_host(host);
}

}  // namespace

Learner::Learner(const TrainOptions& o, Model& model, const Shape& image, Device device)
    : options_(o),
      model_(model),
      device_(device),
      trained_(trained_parameters(o.fine_tuning, model)),
      optimizer_(model.parameters(), o.optimizer, lr_scale_of(o.fine_tuning, model)),
      lr_(0, device),
      tau_lr_(0, device),
      temperatures_(o.adversarial, device),
      share_(1, device),
      loss_total_(Tensor::zeros({1}, DType::f32, device)),
      correct_(Tensor::zeros({1}, DType::i32, device)),
      images_(Tensor::empty({own_images(o.batch_size), image[0], image[1], image[2]}, DType::f32, device)),
      labels_(Tensor::empty({images_.dim(0)}, DType::i32, device)),
      graph_(std::make_unique<StepGraph>(device)),
      inner_attack_(model, o.adversarial, temperatures_, images_, labels_, o.seed),
      perturbation_(model.parameters(), o.adversarial.awp_gamma),
      head_scale_(o.reparametrize ? o.tau.start : 1.0) {
  if (o.fine_tuning.ema_decay > 0) average_.emplace(model.parameters(), o.fine_tuning.ema_decay);
  if (o.learn_tau) {
    learned_tau_.emplace(o.tau.start, o.optimizer, device);
    trained_.push_back(&learned_tau_->log_tau());
  }
  exchange_ = std::make_unique<GradientExchange>(trained_);
}

void Learner::start() {
  scale_head(static_cast<float>(static_cast<double>(options_.choice.head_init_scale) / head_scale_), &Parameter::value);
  if (average_) average_->restart();
}

void Learner::step(const Step& s) {
  lr_.set(s.lr);
  if (learned_tau_) {
    tau_lr_.set(options_.lr.base > 0 ? options_.tau_lr * s.lr / options_.lr.base : options_.tau_lr);
    temperatures_.set_from_log(learned_tau_->log_tau().value);
  } else {
    temperatures_.set(s.tau);
  }
  share_.set(static_cast<double>(s.n) / static_cast<double>(s.group_images));
  model_.set_dropout_step(s.index, s.first, s.n);
  ObjectiveBatch work{images_.narrow(0, s.n), {}, labels_.narrow(0, s.n)};
  if (options_.adversarial.is_on()) work.adversarial = inner_attack_.attack(s.n, s.index, s.first);
  // A recording is valid for one tensor size and one kind of step. The last batch of an epoch may be smaller and then runs without recording.
  // At the first step that perturbs the weights, the recording of the other kind is freed: no such step follows.
  const AdversarialOptions& a = options_.adversarial;
  const bool perturbs = a.awp_gamma > 0 && s.epoch >= static_cast<std::uint32_t>(a.awp_warmup);
  if (perturbs != graph_perturbs_) {
    graph_ = nullptr;  // frees its memory before the new one allocates
    graph_ = std::make_unique<StepGraph>(device_);
    graph_perturbs_ = perturbs;
  }
  const bool is_whole = s.batch_images == options_.batch_size;  // the same on all ranks
  loss_weight_ = static_cast<float>(static_cast<double>(s.n) / static_cast<double>(s.batch_images));
  if (options_.fine_tuning.accumulate == 1 && is_whole) {
    graph_->run([&] { whole_step(work, perturbs); });
  } else if (options_.fine_tuning.accumulate == 1) {
    whole_step(work, perturbs);
  } else {
    if (s.is_first) zero_gradients();
    if (is_whole)
      graph_->run([&] { learn(work, ParameterGradients::add, /*exchanges=*/false); });
    else
      learn(work, ParameterGradients::add, /*exchanges=*/false);
    if (s.is_last) {
      exchange_->exchange();
      update();
      if (average_) average_->update();
    }
  }
}

// A batch that is a whole optimizer step.
void Learner::whole_step(const ObjectiveBatch& batch, bool perturbs) {
  if (perturbs) {
    perturbation_.keep_statistics();
    (void)differentiate(batch, ParameterGradients::replace, /*exchanges=*/true);
    perturbation_.perturb();
  }
  learn(batch, ParameterGradients::replace, /*exchanges=*/true);
  update();
  if (perturbs) perturbation_.restore();
  if (average_) average_->update();
}

void Learner::zero_gradients() const {
  model_.parameters().zero_gradients();
  if (learned_tau_) learned_tau_->zero_gradient();
}

// The gradient of the batch's objective, times its share of the optimizer step's images; also adds to the totals.
void Learner::learn(const ObjectiveBatch& batch, ParameterGradients mode, bool exchanges) {
  const ObjectiveValue value = differentiate(batch, mode, exchanges);
  move_statistics_again(model_, options_.adversarial, objective_mode(), batch);
  on(device_, [&](const auto& dev) {
    accumulate_sum(dev, loss_total_.view<float>(), value.loss.view<const float>(), loss_weight_);
    count_correct(dev, correct_.view<std::int32_t>(), value.logits.view<const float>(),
                  batch.labels.view<const std::int32_t>());
  });
}

ObjectiveValue Learner::differentiate(const ObjectiveBatch& batch, ParameterGradients mode, bool exchanges) {
  Tape tape(trained_, mode);
  const Tensor tau = learned_tau_ ? exponential(learned_tau_->log_tau().value) : temperatures_.outer;
  const ObjectiveValue value = objective(model_, options_.adversarial, temperatures_, tau, objective_mode(), batch);
  if (exchanges)
    exchange_->backward(tape, value.loss, share_.tensor());
  else
    tape.backward(value.loss, share_.tensor());
  return value;
}

ObjectiveMode Learner::objective_mode() const {
  const Mode train = options_.sync_batch_norm ? Mode::train_over_ranks : Mode::train;
  return {options_.fine_tuning.freeze_backbone ? Mode::eval : train, options_.fine_tuning.label_smoothing};
}

// One optimizer step along the gradients.
void Learner::update() {
  if (options_.reparametrize) scale_head(static_cast<float>(1.0 / (head_scale_ * head_scale_)), &Parameter::gradient);
  if (options_.fine_tuning.clip_gradient_norm > 0)
    clip_gradient_norm(model_.parameters(), options_.fine_tuning.clip_gradient_norm);
  optimizer_.step(lr_.tensor());
  if (learned_tau_) learned_tau_->step(tau_lr_.tensor());
}

void Learner::scale_head(float factor, Tensor Parameter::*part) const {
  for (const Parameter* head : {&model_.prototypes(), &model_.prototype_bias()})
    on(device_, [&](const auto& dev) { scale(dev, (head->*part).view<float>(), factor); });
}

Learner::Totals Learner::take_totals() {
  std::array<double, 2> sums = {loss_total_.item(), static_cast<double>(correct_.to_host<std::int32_t>()[0])};
  processes().sum(std::span(sums), "the loss of the last steps");
  const Totals totals{sums[0], static_cast<std::int64_t>(sums[1])};
  const float no_loss = 0;
  loss_total_.copy_from_host(std::span<const float>(&no_loss, 1));
  const std::int32_t none = 0;
  correct_.copy_from_host(std::span<const std::int32_t>(&none, 1));
  return totals;
}

std::optional<double> Learner::learned_tau() const {
  if (!learned_tau_) return {};
  return learned_tau_->value();
}

NamedTensors Learner::state() const {
  NamedTensors state = optimizer_.state();
  if (learned_tau_) state.merge(learned_tau_->state());
  state.merge(average_state());
  return state;
}

NamedTensors Learner::average_state() const { return average_ ? average_->state() : NamedTensors(); }

void Learner::average_statistics() const {
  if (options_.sync_batch_norm && options_.adversarial.batch_norm == Mode::eval) return;  // they are equal already
  average_over_ranks(model_.parameters().buffer_values());
  if (average_) average_over_ranks(average_->buffer_values());
}

bool Learner::is_finite() const {
  bool is_here = model_.parameters().are_finite();
  for (const auto& [name, tensor] : state()) is_here = is_here && kelvin::is_finite(tensor);
  return processes().is_true_on_all(is_here, "the check of the weights");
}

void Learner::load(const SafetensorsFile& file) {
  load_tensors(file, optimizer_.state());
  if (learned_tau_) load_tensors(file, learned_tau_->state());
  if (average_) load_tensors(file, average_->state());
}

}  // namespace kelvin
