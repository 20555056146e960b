// Training: cross-entropy of softmax(z/τ), one run folder a run.
//
// The step reads nothing back to the host: loss and correct predictions add up in device memory and are read every
// `log_every` steps. A checkpoint is written before the first epoch and after each one; a run killed at any point resumes from
// the last and ends with the same bits (same device, same number of threads; on a GPU with --autotune off, since the resumed
// process times cuDNN's plans again and may choose others).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/training/adversarial.h"
#include "apps/training/fine_tuning.h"
#include "apps/training/initial_weights.h"
#include "apps/training/kept_epochs.h"
#include "apps/training/model_choice.h"
#include "apps/training/position.h"
#include "apps/training/selection.h"
#include "data/dataset.h"
#include "engine/optim.h"
#include "engine/schedule.h"

namespace kelvin {

// standard: pad 4 (8 above 48 pixels), random crop, horizontal flip; cutout: this and a square of zeros, half the image's side.
enum class Augment { none, standard, cutout };

struct TrainOptions {
  std::string data = "fashion-mnist";
  std::string model = "resnet20";
  int epochs = 10;
  int batch_size = 128;
  LearningRateSchedule lr;    // lr.epochs is set to `epochs`
  TemperatureSchedule tau;    // tau.epochs is set to `epochs`
  bool learn_tau = false;     // τ = e^s with s trained, from tau.start on (learned_temperature.h)
  double tau_lr = 0.01;       // its learning rate, on the schedule of lr
  bool lr_times_tau = false;  // multiplies the learning rate by the current τ: undoes the 1/τ of the gradient to f
  OptimizerOptions optimizer;
  Augment augment = Augment::none;
  std::optional<bool>
      resident;  // the training set lives on the device where it fits; default: on CUDA. The images are the same
  DType precision = DType::f32;
  std::string stem = "auto";          // ModelSpec::stem
  std::string classifier = "linear";  // ModelSpec::classifier
  double cosine_scale = 15;           // ModelSpec::cosine_scale
  // The control of the reparametrisation theorem: train at τ = 1 with the head started at W/τ and its data gradient divided
  // by τ², and multiply the logits by τ afterwards. With SGD it gives the τ-trained model to rounding. Needs a constant τ.
  bool reparametrize = false;
  AdversarialOptions adversarial;
  FineTuningOptions fine_tuning;
  ModelChoice choice;
  // By what best.safetensors is chosen on Dataset::validation. Empty: robust with adversarial training, accuracy otherwise.
  std::optional<SelectBy> select_by = {};
  std::string init;            // safetensors file to start from; empty: random
  bool allow_partial = false;  // whether `init` may lack tensors or bring others
  std::uint64_t seed = 0;
  int log_every = 20;  // steps
  int eval_every = 1;  // epochs; the last epoch is always evaluated
  int loader_workers = 1;
  bool resume = false;
  bool accept_changed_data =
      false;        // with resume: also where pixels or labels are not those that the run was begun with
  KeptEpochs keep;  // after which epochs the weights also stay in a file of their own
  // The flags of the command, kept in every checkpoint: what its config.toml is compared with when the run is resumed.
  std::map<std::string, std::string> flags;
  // Called when nothing more can be refused – weights are loaded, the data is what it was – and nothing is trained yet.
  std::function<void()> on_ready;
};

struct Divergence {
  std::int64_t step = 0;
  double loss = 0, tau = 0, lr = 0;
};

struct TrainReport {
  int epochs_trained = 0;              // by this call; 0: --resume found the run finished
  std::optional<double> accuracy;      // on the test set, at the end
  std::optional<double> ema_accuracy;  // the same with the averaged weights
  std::optional<EpochFigures> last;    // of the epoch that ended last, by whichever call; absent where it is not known
  BestEpoch best;                      // on the validation split; epoch 0 without one
  double tau = 1;                      // the training temperature at the end: of the schedule, or learned
  std::optional<Divergence> divergence;
  std::optional<WeightsReport> initial;  // what --init brought
  std::vector<std::string> notes;        // what it had to say, and what a resumed run did not find
};

// Called at the start and after every step: images done by this call, images it has to do, a note with epoch and the loss logged last.
using TrainProgress = std::function<void(std::int64_t done, std::int64_t total, const std::string& note)>;

// Trains into `run`, which exists and whose lock the caller holds (apps/run/run_lock.h), on data.train. Where data.validation holds images every epoch is measured on them, and the best
// one is kept in best.safetensors. A loss that is NaN or infinite, or such a weight at the end of an epoch, ends the run with `divergence`
// set and the last good checkpoint kept.
[[nodiscard]] TrainReport train(const TrainOptions& options, const Dataset& data, const RunFolder& run, Device device,
                                const TrainProgress& progress);

[[nodiscard]] Json to_json(const TrainReport& report, const TrainOptions& options, const RunFolder& run);

// options.select_by, or what stands in for it.
[[nodiscard]] SelectBy selection_of(const TrainOptions& options);

// Throws a mistake for values that make no sense (τ ≤ 0, epochs < 1, ...): before anything is read or written.
// One row for each option, but for those that a command turns into others (tau, tau-end, lr, adversarial-eps, ...: apps/cli/train_flags.h). The
// table is the one place where an option is named, described, bounded and said to be fixed or free for a resumed run.
[[nodiscard]] Fields train_fields(TrainOptions& options);
void check_options(const TrainOptions& options);

}  // namespace kelvin
