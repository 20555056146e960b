#include "apps/training/train.h"

#include <chrono>
#include <cmath>

#include "apps/evaluation/evaluate.h"
#include "apps/training/inner_attack.h"
#include "apps/training/learned_temperature.h"
#include "apps/training/metrics.h"
#include "apps/training/objectives.h"
#include "apps/training/weight_perturbation.h"
#include "data/batch_loader.h"
#include "data/resident_set.h"
#include "engine/checkpoint.h"
#include "engine/clip_gradients.h"
#include "engine/ops/scaling.h"
#include "engine/tape.h"
#include "engine/weight_average.h"
#include "kernels/device/step_graph.h"
#include "kernels/elementwise.h"
#include "kernels/top1.h"
#include "models/weights.h"

namespace kelvin {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kEvaluationBatch = 250;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

SelectBy selection_of(const TrainOptions& o) {
  return o.select_by.value_or(o.adversarial.is_on() ? SelectBy::robust : SelectBy::accuracy);
}

// Where a run stands; saved with every checkpoint.
struct Position {
  std::uint32_t epoch = 0;  // finished epochs
  std::int64_t step = 0;
  std::uintmax_t metrics_bytes = 0;
  BestEpoch best;
};

class Trainer {
 public:
  Trainer(const TrainOptions& o, const Dataset& data, const RunFolder& run, Device device)
      : options_(o),
        data_(data),
        run_(run),
        device_(device),
        model_(make_model(model_spec_for(o, data, o.resume ? run.checkpoint() : "", notes_), device, o.seed)),
        trained_(trained_parameters(o.fine_tuning, *model_)),
        optimizer_(model_->parameters(), o.optimizer, lr_scale_of(o.fine_tuning, *model_)),
        lr_(Tensor::zeros({1}, DType::f32, device)),
        tau_lr_(Tensor::zeros({1}, DType::f32, device)),
        temperatures_(o.adversarial, device),
        share_(Tensor::full({1}, 1.0f, DType::f32, device)),
        loss_total_(Tensor::zeros({1}, DType::f32, device)),
        correct_(Tensor::zeros({1}, DType::i32, device)),
        images_(Tensor::empty({o.batch_size, data.train.height, data.train.width, data.train.channels}, DType::f32,
                              device)),
        labels_(Tensor::empty({o.batch_size}, DType::i32, device)),
        indices_(Tensor::empty({o.batch_size}, DType::i32, device)),
        graph_(device),
        perturbed_graph_(device),
        inner_attack_(*model_, o.adversarial, temperatures_, images_, labels_, o.seed),
        perturbation_(model_->parameters(), o.adversarial.awp_gamma),
        head_scale_(o.reparametrize ? o.tau.start : 1.0),
        select_by_(selection_of(o)) {
    if (o.fine_tuning.ema_decay > 0) average_.emplace(model_->parameters(), o.fine_tuning.ema_decay);
    if (!o.learn_tau) return;
    learned_tau_.emplace(o.tau.start, o.optimizer, device);
    trained_.push_back(&learned_tau_->log_tau());
  }

  TrainReport run(const TrainProgress& progress) {
    start();
    MetricsFile metrics(run_.metrics(), position_.metrics_bytes);
    if (position_.epoch == 0) save(metrics);
    if (options_.resident.value_or(device_.kind == DeviceKind::cuda)) resident_ = make_resident(data_.train, device_);
    loader_options_ = {.batch_size = options_.batch_size,
                       .augment = options_.augment,
                       .cutout = options_.cutout,
                       .images = !resident_,
                       .seed = options_.seed,
                       .workers = options_.loader_workers,
                       .first_epoch = position_.epoch};
    BatchLoader loader(data_.train, loader_options_);
    TrainReport report;
    report.notes = notes_;
    if (learned_tau_ && options_.classifier != "cosine")
      report.notes.push_back(
          "--tau learn without --classifier cosine: tau and the size of the last layer trade places");
    while (position_.epoch < static_cast<std::uint32_t>(options_.epochs)) {
      run_epoch(loader, metrics, report, progress);
      if (report.divergence) return report;
      save(metrics);
    }
    if (data_.test.count > 0) {
      report.accuracy = accuracy_of(*model_, data_.test, kEvaluationBatch);
      report.ema_accuracy = ema_accuracy();
    }
    report.best = position_.best;
    report.tau = tau_at(options_.epochs);
    return report;
  }

 private:
  // A fresh start, a start from --init, or the last checkpoint of this folder.
  void start() {
    if (options_.resume) {
      const SafetensorsFile file = read_safetensors(run_.checkpoint());
      load_parameters(file, model_->parameters());
      load_tensors(file, optimizer_.state());
      if (learned_tau_) load_tensors(file, learned_tau_->state());
      if (average_) load_tensors(file, average_->state());
      const Json position = Json::parse(file.metadata.at("kelvin.position"));
      position_ = {position.at("epoch"), position.at("step"), position.at("metrics_bytes"), {}};
      if (position.contains("best_epoch")) position_.best = {position.at("best_epoch"), position.at("best_score")};
    } else {
      bool is_head_new = true;
      if (!options_.init.empty()) {
        WeightsReport init = import_weights(read_safetensors(options_.init), *model_, options_.allow_partial);
        notes_.insert(notes_.end(), init.notes.begin(), init.notes.end());
        is_head_new = init.is_head_new;
      }
      if (is_head_new) start_head(*model_, options_.choice.head_init, options_.seed);
      scale_head_values(static_cast<float>(1.0 / head_scale_));
      if (average_) average_->restart();
    }
  }

  void run_epoch(BatchLoader& loader, MetricsFile& metrics, TrainReport& report, const TrainProgress& progress) {
    const Clock::time_point start = Clock::now();
    const std::int64_t steps = loader.batches_per_epoch();
    double epoch_loss = 0;
    std::int64_t epoch_correct = 0, epoch_images = 0, logged_steps = 0;
    double lr = 0, tau = tau_at(position_.epoch);
    // Batches i with the same i / accumulate share one optimizer step, and with it the learning rate and τ.
    const std::int64_t group = options_.fine_tuning.accumulate, updates = (steps + group - 1) / group;
    for (std::int64_t i = 0; i < steps; ++i) {
      const double at = position_.epoch + static_cast<double>(i / group) / static_cast<double>(updates);
      if (!learned_tau_) tau = options_.tau.at(at);
      lr = options_.lr.at(at) * (options_.lr_times_tau ? tau : 1.0);
      const Batch batch = loader.next();
      const std::int64_t first = i / group * group, end = std::min(first + group, steps);
      const std::int64_t group_images =
          std::min(end * options_.batch_size, data_.train.count) - first * options_.batch_size;
      step(batch, lr, options_.reparametrize ? 1.0 : tau,
           {.is_first = i == first, .is_last = i + 1 == end, .images = group_images});
      epoch_images += static_cast<std::int64_t>(batch.labels.size());
      ++logged_steps;
      if (logged_steps < options_.log_every && i + 1 < steps) continue;

      const double loss = static_cast<double>(loss_total_.item()) / static_cast<double>(logged_steps);
      if (learned_tau_) tau = learned_tau_->value();
      if (!std::isfinite(loss)) {
        report.divergence = Divergence{position_.step, loss, tau, lr};
        metrics.write({{"kind", "diverged"},
                       {"step", position_.step},
                       {"epoch", at},
                       {"loss", nullptr},
                       {"tau", tau},
                       {"lr", lr}});
        return;
      }
      metrics.write(
          {{"kind", "step"}, {"step", position_.step}, {"epoch", at}, {"loss", loss}, {"lr", lr}, {"tau", tau}});
      epoch_loss += loss * static_cast<double>(logged_steps);
      epoch_correct += correct_.to_host<std::int32_t>()[0];
      reset_totals();
      logged_steps = 0;
      if (progress)
        progress((position_.epoch * steps + i + 1) * options_.batch_size, options_.epochs * steps * options_.batch_size,
                 str("epoch ", position_.epoch + 1, "/", options_.epochs, ", loss ", loss));
    }
    report.train_loss = epoch_loss / static_cast<double>(steps);
    report.train_accuracy = static_cast<double>(epoch_correct) / static_cast<double>(epoch_images);
    report.img_per_s = static_cast<double>(epoch_images) / seconds_since(start);
    ++position_.epoch;
    Json line = {{"kind", "epoch"},
                 {"epoch", position_.epoch},
                 {"step", position_.step},
                 {"train_loss", report.train_loss},
                 {"train_accuracy", report.train_accuracy},
                 {"lr", lr},
                 {"tau", tau},
                 {"img_per_s", report.img_per_s}};
    if (options_.adversarial.is_on()) {
      const InnerAttack::Log log = inner_attack_.take_log();
      line["zero_gradient_fraction"] = log.zero_gradient_fraction;
      line["displacement"] = log.displacement;
      line["fosc"] = log.fosc;
    }
    if (data_.test.count > 0 && position_.epoch % static_cast<std::uint32_t>(options_.eval_every) == 0) {
      line["test_accuracy"] = accuracy_of(*model_, data_.test, kEvaluationBatch);
      if (const auto averaged = ema_accuracy()) line["ema_test_accuracy"] = *averaged;
    }
    if (data_.validation.count > 0) {
      report.validation = validate();
      line["validation_accuracy"] = report.validation->accuracy;
      if (report.validation->robust_accuracy) line["validation_robust_accuracy"] = *report.validation->robust_accuracy;
    }
    metrics.write(line);
  }

  // best.safetensors is written before the checkpoint that knows of it: a run killed in between does the epoch again and writes
  // the same file once more.
  ValidationScores validate() {
    const bool is_robust = options_.adversarial.is_on() || select_by_ == SelectBy::robust;
    const ValidationScores scores =
        measure_validation(*model_, data_.validation, options_.adversarial, is_robust, head_scale_, options_.seed);
    if (position_.best.offer(select_by_, scores, position_.epoch))
      write_checkpoint(run_.best(), average_state(), {{"epoch", position_.epoch}, {"score", position_.best.score}});
    return scores;
  }

  // A batch's place among those that one optimizer step takes together.
  struct Place {
    bool is_first, is_last;
    std::int64_t images;  // of all of them
  };

  // Copies what changes into tensors that stay, so that the work itself is the same every step and can be replayed.
  void step(const Batch& batch, double lr, double tau, const Place& place) {
    set_scalar(lr_, lr);
    if (learned_tau_) {
      set_scalar(tau_lr_, options_.lr.base > 0 ? options_.tau_lr * lr / options_.lr.base : options_.tau_lr);
      temperatures_.set_from_log(learned_tau_->log_tau().value);
    } else {
      temperatures_.set(tau);
    }
    const auto n = static_cast<std::int64_t>(batch.labels.size());
    set_scalar(share_, static_cast<double>(n) / static_cast<double>(place.images));
    model_->set_dropout_step(position_.step);
    const Tensor images = images_.narrow(0, n), labels = labels_.narrow(0, n);
    if (resident_) {
      const Tensor indices = indices_.narrow(0, n);
      indices.copy_from_host(batch.indices);
      resident_->gather(images, indices, augment_options(loader_options_, data_.train, batch.epoch));
    } else {
      images.copy_from_host(batch.images);
    }
    labels.copy_from_host(batch.labels);
    ObjectiveBatch work{images, {}, labels};
    if (options_.adversarial.is_on()) work.adversarial = inner_attack_.attack(n, position_.step);
    // A recording belongs to tensors of one size and to work of one kind: the last batch of an epoch runs as it is, and steps with
    // and without a perturbation of the weights have a recording each.
    const AdversarialOptions& a = options_.adversarial;
    const bool perturbs = a.awp_gamma > 0 && position_.epoch >= static_cast<std::uint32_t>(a.awp_warmup);
    StepGraph& graph = perturbs ? perturbed_graph_ : graph_;
    const bool is_whole = n == options_.batch_size;
    if (options_.fine_tuning.accumulate == 1 && is_whole) {
      graph.run([&] { whole_step(work, perturbs); });
    } else if (options_.fine_tuning.accumulate == 1) {
      whole_step(work, perturbs);
    } else {
      if (place.is_first) zero_gradients();
      if (is_whole)
        graph.run([&] { learn(work); });
      else
        learn(work);
      if (place.is_last) {
        update();
        average();
      }
    }
    ++position_.step;
  }

  // A batch that has an optimizer step to itself.
  void whole_step(const ObjectiveBatch& batch, bool perturbs) {
    if (perturbs) {
      perturbation_.keep_statistics();
      zero_gradients();
      (void)differentiate(batch);
      perturbation_.perturb();
    }
    zero_gradients();
    learn(batch);
    update();
    if (perturbs) perturbation_.restore();
    average();
  }

  void zero_gradients() const {
    model_->parameters().zero_gradients();
    if (learned_tau_) learned_tau_->zero_gradient();
  }

  // Adds the gradient of the batch's objective, times its share of the optimizer step's images, and counts.
  void learn(const ObjectiveBatch& batch) {
    const ObjectiveValue value = differentiate(batch);
    move_statistics_again(*model_, options_.adversarial, objective_mode(), batch);
    on(device_, [&](const auto& dev) {
      accumulate(dev, loss_total_.view<float>(), value.loss.view<const float>());
      count_correct(dev, correct_.view<std::int32_t>(), value.logits.view<const float>(),
                    batch.labels.view<const std::int32_t>());
    });
  }

  ObjectiveValue differentiate(const ObjectiveBatch& batch) {
    Tape tape(trained_);
    const Tensor tau = learned_tau_ ? exponential(learned_tau_->log_tau().value) : temperatures_.outer;
    const ObjectiveValue value = objective(*model_, options_.adversarial, temperatures_, tau, objective_mode(), batch);
    tape.backward(value.loss, share_);
    return value;
  }

  [[nodiscard]] ObjectiveMode objective_mode() const {
    return {options_.fine_tuning.freeze_backbone ? Mode::eval : Mode::train, options_.fine_tuning.label_smoothing};
  }

  // The training temperature after that many epochs, or now where it is learned.
  [[nodiscard]] double tau_at(double epoch) const {
    return learned_tau_ ? learned_tau_->value() : options_.tau.at(std::min<double>(epoch, options_.epochs));
  }

  // One optimizer step along the gradients.
  void update() {
    if (options_.reparametrize) scale_head_gradients(static_cast<float>(1.0 / (head_scale_ * head_scale_)));
    if (options_.fine_tuning.clip_gradient_norm > 0)
      clip_gradient_norm(model_->parameters(), options_.fine_tuning.clip_gradient_norm);
    optimizer_.step(lr_);
    if (learned_tau_) learned_tau_->step(tau_lr_);
  }

  void average() {
    if (average_) average_->update();
  }

  std::optional<double> ema_accuracy() {
    if (!average_) return {};
    const WeightAverage::InModel scope(*average_);
    return accuracy_of(*model_, data_.test, kEvaluationBatch);
  }

  [[nodiscard]] NamedTensors average_state() const { return average_ ? average_->state() : NamedTensors(); }

  static void set_scalar(const Tensor& scalar, double value) {
    const float host = static_cast<float>(value);
    scalar.copy_from_host(std::span<const float>(&host, 1));
  }

  void reset_totals() const {
    set_scalar(loss_total_, 0);
    const std::int32_t zero = 0;
    correct_.copy_from_host(std::span<const std::int32_t>(&zero, 1));
  }

  void scale_head(float factor, Tensor Parameter::*part) const {
    for (const Parameter* head : {&model_->prototypes(), &model_->prototype_bias()})
      on(device_, [&](const auto& dev) { scale(dev, (head->*part).view<float>(), factor); });
  }
  void scale_head_values(float factor) const { scale_head(factor, &Parameter::value); }
  void scale_head_gradients(float factor) const { scale_head(factor, &Parameter::gradient); }

  void save(const MetricsFile& metrics) {
    Json position = {{"epoch", position_.epoch}, {"step", position_.step}, {"metrics_bytes", metrics.size()}};
    if (position_.best.epoch > 0) {
      position["best_epoch"] = position_.best.epoch;
      position["best_score"] = position_.best.score;
    }
    // The kept file first: a run killed between the two writes it again when it resumes.
    if (options_.keep.contains(position_.epoch)) write_checkpoint(run_.kept_checkpoint(position_.epoch), {}, position);
    NamedTensors state = optimizer_.state();
    if (learned_tau_) state.merge(learned_tau_->state());
    state.merge(average_state());
    write_checkpoint(run_.checkpoint(), state, position);
  }

  void write_checkpoint(const std::filesystem::path& path, const NamedTensors& state, const Json& position) const {
    const RunInfo info{.model = model_->spec(),
                       .data = options_.data,
                       .train_tau = tau_at(position_.epoch),
                       .head_scale = head_scale_,
                       .seed = options_.seed,
                       .trained_images = data_.train.count + data_.validation.count,
                       .class_names = data_.class_names};
    save_checkpoint(path, model_->parameters(), state,
                    {{"kelvin", to_json(info).dump()}, {"kelvin.position", position.dump()}});
  }

  const TrainOptions& options_;
  const Dataset& data_;
  const RunFolder& run_;
  Device device_;
  std::vector<std::string> notes_;  // what the weights of --init brought or lacked
  std::unique_ptr<Model> model_;
  std::vector<const Parameter*> trained_;
  Optimizer optimizer_;
  std::optional<WeightAverage> average_;
  std::optional<LearnedTemperature> learned_tau_;
  Tensor lr_, tau_lr_;
  StepTemperatures temperatures_;
  Tensor share_, loss_total_, correct_;
  Tensor images_, labels_, indices_;  // of one full batch
  std::optional<ResidentSet> resident_;
  LoaderOptions loader_options_;
  StepGraph graph_, perturbed_graph_;
  InnerAttack inner_attack_;
  WeightPerturbation perturbation_;
  double head_scale_;
  SelectBy select_by_;
  Position position_;
};

void check_learned_tau(const TrainOptions& o) {
  if (!(o.tau_lr >= 0) || !std::isfinite(o.tau_lr)) throw mistake("--tau-lr must be 0 or more, got ", o.tau_lr);
  if (o.tau.kind != TemperatureSchedule::Kind::constant) throw mistake("--tau learn takes no --tau-schedule");
  if (o.reparametrize || o.lr_times_tau || o.adversarial.balance_tau)
    throw mistake(
        "--tau learn does not go with --reparametrize, --lr-times-tau or --balance-tau: they need a known tau");
  const AdversarialOptions& a = o.adversarial;
  const bool has_kl = a.kind == AdversarialOptions::Kind::trades || a.kind == AdversarialOptions::Kind::mart;
  if (a.kind == AdversarialOptions::Kind::mart || (has_kl && (a.kl_tau == 0 || a.kl_adversarial_tau == 0)))
    throw mistake(
        "--tau learn follows the cross-entropy only: use --adversarial none, pgd, or trades with --kl-tau and ",
        "--kl-adversarial-tau of its own");
}

}  // namespace

void check_options(const TrainOptions& o) {
  require_known_model(o.model);
  check_options(o.adversarial);
  check_options(o.fine_tuning, o.model);
  check_options(o.choice, o.model);
  const auto is_temperature = [](double tau) { return tau > 0 && std::isfinite(tau); };
  if (!is_temperature(o.tau.start)) throw mistake("--tau must be > 0, got ", o.tau.start);
  if (!is_temperature(o.tau.end)) throw mistake("--tau-end must be > 0, got ", o.tau.end);
  if (!(o.lr.base >= 0) || !std::isfinite(o.lr.base)) throw mistake("--lr must be 0 or more, got ", o.lr.base);
  if (o.epochs < 1) throw mistake("--epochs must be at least 1, got ", o.epochs);
  for (const auto& [flag, beta] : {std::pair("--beta1", o.optimizer.beta1), std::pair("--beta2", o.optimizer.beta2)})
    if (!(beta >= 0 && beta < 1)) throw mistake(flag, " must be at least 0 and below 1, got ", beta);
  if (!(o.optimizer.eps >= 0)) throw mistake("--adam-eps must be 0 or more, got ", o.optimizer.eps);
  if (o.batch_size < 1) throw mistake("--batch-size must be at least 1, got ", o.batch_size);
  if (o.lr.warmup_epochs < 0) throw mistake("--warmup-epochs must be 0 or more, got ", o.lr.warmup_epochs);
  for (const std::uint32_t epoch : o.keep.epochs)
    if (epoch > static_cast<std::uint32_t>(o.epochs))
      throw mistake("--keep-checkpoints ", epoch, ": the run ends after epoch ", o.epochs);
  if (o.classifier == "cosine" && o.reparametrize)
    throw mistake("--reparametrize needs --classifier linear: a cosine classifier has no W to make small");
  if (o.classifier == "cosine" && o.choice.head_init == "zeros")
    throw mistake("--head-init zeros needs --classifier linear: a prototype of length 0 has no direction");
  if (o.learn_tau) check_learned_tau(o);
  if (o.adversarial.awp_gamma > 0 && o.fine_tuning.accumulate > 1)
    throw mistake("--awp needs --accumulate 1: its perturbation belongs to one batch");
  if (o.adversarial.kind == AdversarialOptions::Kind::mart && o.fine_tuning.label_smoothing > 0)
    throw mistake("--label-smoothing does not go with --adversarial mart: its loss is written for one-hot labels");
  if (o.reparametrize && o.tau.kind != TemperatureSchedule::Kind::constant)
    throw mistake("--reparametrize needs a constant --tau");
  if (o.reparametrize && o.fine_tuning.clip_gradient_norm > 0)
    throw mistake("--reparametrize and --clip-gradient-norm: the norm of its gradients is not the norm that tau gives");
}

TrainReport train(const TrainOptions& given, const Dataset& data, const RunFolder& run, Device device,
                  const TrainProgress& progress) {
  TrainOptions options = given;
  options.lr.epochs = options.tau.epochs = options.epochs;
  check_options(options);
  return Trainer(options, data, run, device).run(progress);
}

Json to_json(const TrainReport& r, const TrainOptions& o, const RunFolder& run) {
  Json json = {{"accuracy", r.accuracy},
               {"train_loss", r.train_loss},
               {"train_accuracy", r.train_accuracy},
               {"img_per_s", r.img_per_s},
               {"out", run.path.string()},
               {"diverged", r.divergence.has_value()},
               {"tau", o.tau.start},
               {"model", o.model},
               {"data", o.data},
               {"epochs", o.epochs},
               {"batch_size", o.batch_size},
               {"lr", o.lr.base},
               {"precision", name_of(o.precision)},
               {"seed", o.seed},
               {"reparametrize", o.reparametrize},
               {"final_tau", r.tau},
               {"learn_tau", o.learn_tau},
               {"classifier", o.classifier},
               {"adversarial", name_of(o.adversarial.kind)}};
  if (o.classifier == "cosine") json["cosine_scale"] = o.cosine_scale;
  if (o.adversarial.is_on()) json["adversarial_options"] = to_json(o.adversarial);
  json.update(to_json(o.fine_tuning));
  json.update(to_json(o.choice));
  if (r.ema_accuracy) json["ema_accuracy"] = *r.ema_accuracy;
  if (r.validation) {
    json["validation_accuracy"] = r.validation->accuracy;
    if (r.validation->robust_accuracy) json["validation_robust_accuracy"] = *r.validation->robust_accuracy;
  }
  if (r.best.epoch > 0) {
    json["selected_by"] = name_of(selection_of(o));
    json["best_epoch"] = r.best.epoch;
    json["best_score"] = r.best.score;
  }
  if (r.divergence)
    json["divergence"] = {
        {"step", r.divergence->step}, {"loss", nullptr}, {"tau", r.divergence->tau}, {"lr", r.divergence->lr}};
  return json;
}

}  // namespace kelvin
