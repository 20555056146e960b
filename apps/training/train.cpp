#include "apps/training/train.h"

#include <cmath>
#include <utility>

#include "apps/evaluation/evaluate.h"
#include "apps/run/class_order.h"
#include "apps/run/json_output.h"
#include "apps/training/convergence.h"
#include "apps/training/data_digest.h"
#include "apps/training/epoch_log.h"
#include "apps/training/initial_weights.h"
#include "apps/training/learner.h"
#include "apps/training/rank_agreement.h"
#include "apps/training/step_memory.h"
#include "apps/training/training_log.h"
#include "data/batch_loader.h"
#include "data/resident_set.h"
#include "engine/checkpoint.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr int kEvaluationBatch = 250;

class Trainer {
 public:
  Trainer(const TrainOptions& o, const Dataset& data, const RunFolder& run, Device device)
      : options_(o),
        data_(data),
        run_(run),
        device_(device),
        model_(make_model(model_spec_for(o, data, o.resume ? run.checkpoint() : "", notes_), device, o.seed)),
        learner_(o, *model_, {data.train.height, data.train.width, data.train.channels}, device),
        indices_(Tensor::empty({o.batch_size}, DType::i32, device)),
        select_by_(selection_of(o)) {}

  TrainReport run(const TrainProgress& progress) {
    start();
    std::optional<TensorBoardLog> events = tensorboard_log(options_, run_, position_.step);
    if (options_.on_ready) options_.on_ready();  // first, because a folder with metrics must have a config
    TrainingLog log{MetricsFile(run_.metrics(), position_.metrics_bytes), std::move(events)};
    if (log.metrics.lost_bytes() > 0)
      notes_.push_back(str(run_.metrics().string(), ": the last ", log.metrics.lost_bytes(),
                           " bytes that its checkpoint records are lost; the run continues without those lines"));
    if (position_.epoch == 0) save(log);
    if (options_.resident.value_or(device_.kind == DeviceKind::cuda)) resident_ = make_resident(data_.train, device_);
    loader_options_ = {.batch_size = options_.batch_size,
                       .augment = options_.augment != Augment::none,
                       .cutout = options_.augment == Augment::cutout,
                       .images = !resident_,
                       .seed = options_.seed,
                       .workers = options_.loader_workers,
                       .first_epoch = position_.epoch,
                       .part = processes().rank(),
                       .parts = processes().size()};
    BatchLoader loader(data_.train, loader_options_);
    TrainReport report;
    first_epoch_ = position_.epoch;
    tell(progress, 0, loader.batches_per_epoch());
    while (!report.divergence && position_.epoch < static_cast<std::uint32_t>(options_.epochs)) {
      report.divergence = run_epoch(loader, log, progress);
      if (report.divergence) break;
      ++report.epochs_trained;
      save(log);
    }
    if (!report.divergence && data_.test.count > 0) {
      report.accuracy = accuracy_of(*model_, data_.test, kEvaluationBatch);
      report.ema_accuracy = ema_accuracy();
    }
    if (!report.divergence && processes().is_first()) report.not_converged = judge(report.accuracy, log.metrics);
    if (log.events) log.events->finish(!report.divergence);
    report.notes = position_.notes;
    report.notes.insert(report.notes.end(), notes_.begin(), notes_.end());
    if (options_.learn_tau && options_.classifier != "cosine")
      report.notes.push_back(
          "tau is learned without a cosine classifier: tau and the size of the last layer trade places");
    report.initial = initial_;
    report.last = position_.last;
    report.best = position_.best;
    report.tau = report.divergence ? report.divergence->tau : tau_at(options_.epochs);
    return report;
  }

 private:
  // Begins anew, from --init, or from the last checkpoint of this folder.
  void start() {
    const std::map<std::string, std::string> digests = digests_of(data_);
    if (options_.resume) {
      const SafetensorsFile file = read_safetensors(run_.checkpoint());
      if (const std::string note = age_note(file); !note.empty()) notes_.push_back(note);
      load_parameters(file, model_->parameters());
      learner_.load(file);
      position_ = position_from(file);
      if (position_.epoch > static_cast<std::uint32_t>(options_.epochs))
        throw mistake("epochs"_field, " ", options_.epochs, ": the run in ", run_.path.string(), " has ",
                      position_.epoch, " epochs behind it");
      if (!options_.accept_changed_data) require_same_data(position_.data, digests, options_.data);
    } else {
      bool is_head_new = true;
      if (!options_.init.empty()) {
        initial_ = load_initial_weights(options_.init, options_.allow_partial, *model_, data_);
        is_head_new = initial_->is_head_new;
        notes_.insert(notes_.end(), initial_->notes.begin(), initial_->notes.end());
      }
      if (is_head_new) start_head(*model_, options_.choice.head_init, options_.seed);
      learner_.start();
      position_.notes = std::exchange(notes_, {});
    }
    require_equal_ranks(options_, digests, data_.train.count, *model_);
    position_.flags = options_.flags;
    position_.flags_before.clear();
    position_.data = digests;
  }

  // Trains an epoch and measures it. If it diverged, `position_` still describes the epoch before.
  std::optional<Divergence> run_epoch(BatchLoader& loader, TrainingLog& log, const TrainProgress& progress) {
    EpochLog epoch(log);
    const std::int64_t steps = loader.batches_per_epoch();
    double lr = 0, tau = tau_at(position_.epoch);
    // Batches i with the same i / accumulate share one optimizer step, and with it the learning rate and τ.
    const std::int64_t group = options_.fine_tuning.accumulate, updates = (steps + group - 1) / group;
    for (std::int64_t i = 0; i < steps; ++i) {
      const double at = position_.epoch + static_cast<double>(i / group) / static_cast<double>(updates);
      if (!options_.learn_tau) tau = options_.tau.at(at);
      lr = options_.lr.at(at) * (options_.lr_times_tau ? tau : 1.0);
      const Batch batch = loader.next();
      const std::int64_t first = i / group * group, end = std::min(first + group, steps);
      const std::int64_t group_images =
          std::min(end * options_.batch_size, data_.train.count) - first * options_.batch_size;
      stage(batch);
      if (log.events && position_.step == 0)
        log.events->add_images(learner_.images().narrow(0, static_cast<std::int64_t>(batch.labels.size())));
      take_step(learner_,
                {.n = static_cast<std::int64_t>(batch.labels.size()),
                 .first = batch.first,
                 .batch_images = batch.whole,
                 .index = position_.step,
                 .epoch = position_.epoch,
                 .lr = lr,
                 .tau = options_.reparametrize ? 1.0 : tau,
                 .is_first = i == first,
                 .is_last = i + 1 == end,
                 .group_images = group_images},
                options_.model, device_);
      ++position_.step;
      epoch.count(batch.whole);
      if (epoch.steps() < options_.log_every && i + 1 < steps) {
        tell(progress, i + 1, steps);
        continue;
      }
      const Learner::Totals totals = learner_.take_totals();
      const double loss = epoch.mean_loss(totals);
      if (const auto learned = learner_.learned_tau(); learned && std::isfinite(*learned)) tau = *learned;
      const EpochLog::At now{position_.step, at, lr, tau};
      if (!std::isfinite(loss)) return epoch.write_divergence(loss, now);
      epoch.write(totals, now);
      last_loss_ = loss;
      tell(progress, i + 1, steps);
      // No loss was computed with the weights of the last update, which the next checkpoint will hold.
      if (i + 1 == steps && !learner_.is_finite()) return epoch.write_divergence(loss, now);
    }
    learner_.average_statistics();
    require_equal_weights(*model_);
    EpochFigures figures = epoch.figures();
    ++position_.epoch;
    Json line = epoch.line(figures, position_.epoch, {.step = position_.step, .lr = lr, .tau = tau});
    if (options_.adversarial.is_on()) {
      const InnerAttack::Log attack = learner_.take_inner_attack_log();
      line["zero_gradient_fraction"] = attack.zero_gradient_fraction;
      line["displacement"] = attack.displacement;
      line["fosc"] = attack.fosc;
    }
    if (data_.test.count > 0 && position_.epoch % static_cast<std::uint32_t>(options_.eval_every) == 0) {
      line["test_accuracy"] = accuracy_of(*model_, data_.test, kEvaluationBatch);
      if (const auto averaged = ema_accuracy()) line["ema_test_accuracy"] = *averaged;
    }
    if (data_.validation.count > 0) {
      figures.validation = validate();
      line["validation_accuracy"] = figures.validation->accuracy;
      if (figures.validation->robust_accuracy)
        line["validation_robust_accuracy"] = *figures.validation->robust_accuracy;
    }
    log.write(line);
    position_.last = figures;
    return {};
  }

  // Writes a line into `metrics` if the training has not converged. A resumed run cuts it off: it lies behind the last checkpoint.
  std::optional<NonConvergence> judge(std::optional<double> test_accuracy, MetricsFile& metrics) const {
    std::optional<NonConvergence> n = judge_convergence(run_, options_, data_.classes, test_accuracy);
    if (!n) return {};
    if (const auto learned = learner_.learned_tau()) n->tau = *learned;
    Json line = to_json(*n);
    line.update({{"kind", "not_converged"}, {"step", position_.step}});
    metrics.write(line);
    return n;
  }

  // After `step` of an epoch's `steps`, with the loss that was read last: reading it at every step would make the step wait for the device.
  void tell(const TrainProgress& progress, std::int64_t step, std::int64_t steps) const {
    const std::int64_t epochs = options_.epochs - static_cast<std::int64_t>(first_epoch_);
    if (!progress || epochs <= 0) return;
    progress(((position_.epoch - first_epoch_) * steps + step) * options_.batch_size,
             epochs * steps * options_.batch_size,
             str("epoch ", position_.epoch + 1, "/", options_.epochs, last_loss_ ? str(", loss ", *last_loss_) : ""));
  }

  // best.safetensors is written before the checkpoint that mentions it: a run killed in between writes the same file again.
  ValidationScores validate() {
    const bool is_robust = options_.adversarial.is_on() || select_by_ == SelectBy::robust;
    const ValidationScores scores = measure_validation(*model_, data_.validation, options_.adversarial, is_robust,
                                                       learner_.head_scale(), options_.seed);
    if (position_.best.update(select_by_, scores, position_.epoch))
      write_checkpoint(run_.best(), learner_.average_state(),
                       {{"epoch", position_.epoch}, {"score", position_.best.score}});
    return scores;
  }

  // Copies a batch into the learner's buffers.
  void stage(const Batch& batch) {
    const auto n = static_cast<std::int64_t>(batch.labels.size());
    const Tensor images = learner_.images().narrow(0, n);
    if (resident_) {
      const Tensor indices = indices_.narrow(0, n);
      indices.copy_from_host(batch.indices);
      resident_->gather(images, indices, augment_options(loader_options_, data_.train, batch.epoch));
    } else {
      images.copy_from_host(batch.images);
    }
    learner_.labels().narrow(0, n).copy_from_host(batch.labels);
  }

  // The training temperature after that many epochs; a learned one at present.
  [[nodiscard]] double tau_at(double epoch) const {
    const std::optional<double> learned = learner_.learned_tau();
    return learned ? *learned : options_.tau.at(std::min<double>(epoch, options_.epochs));
  }

  std::optional<double> ema_accuracy() {
    if (!learner_.average()) return {};
    const WeightAverage::InModel scope(*learner_.average());
    return accuracy_of(*model_, data_.test, kEvaluationBatch);
  }

  void save(const TrainingLog& log) {
    position_.metrics_bytes = log.metrics.size();
    const Json position = to_json(position_);
    log.sync();
    // The kept file comes first: a run killed between the two writes it again when it resumes.
    if (options_.keep.contains(position_.epoch)) write_checkpoint(run_.kept_checkpoint(position_.epoch), {}, position);
    write_checkpoint(run_.checkpoint(), learner_.state(), position);
  }

  void write_checkpoint(const std::filesystem::path& path, const NamedTensors& state, const Json& position) const {
    const ClassNames classes = class_names_of(data_);
    const RunInfo info{.model = model_->spec(),
                       .data = options_.data,
                       .train_tau = tau_at(position_.epoch),
                       .head_scale = learner_.head_scale(),
                       .seed = options_.seed,
                       .trained_images = data_.train.count + data_.validation.count,
                       .class_names = classes.names,
                       .class_folders = classes.folders};
    save_checkpoint(path, model_->parameters(), state,
                    {{"kelvin", to_text(to_json(info))}, {kPositionKey, position.dump()}});
  }

  const TrainOptions& options_;
  const Dataset& data_;
  const RunFolder& run_;
  Device device_;
  std::optional<WeightsReport> initial_;
  std::vector<std::string> notes_;  // about additional or missing weights of --init
  std::unique_ptr<Model> model_;
  Learner learner_;
  Tensor indices_;  // of one full batch
  std::optional<ResidentSet> resident_;
  LoaderOptions loader_options_;
  SelectBy select_by_;
  Position position_;
  std::uint32_t first_epoch_ = 0;  // the first epoch of this call: the rate of a resumed run counts only these epochs
  std::optional<double> last_loss_;
};

}  // namespace

TrainReport train(const TrainOptions& given, const Dataset& data, const RunFolder& run, Device device,
                  const TrainProgress& progress) {
  TrainOptions options = given;
  options.lr.epochs = options.tau.epochs = options.epochs;
  check_options(options);
  return Trainer(options, data, run, device).run(progress);
}

}  // namespace kelvin
