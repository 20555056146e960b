// Training with the cross-entropy of softmax(z/τ); each run has one folder.
//
// A step reads nothing back to the host: loss and correct predictions are summed in device memory and read every `log_every` steps. A
// checkpoint is written before the first epoch and after each one. A run that is killed at any point resumes from the last checkpoint and
// ends with the same bits. This requires the same device and number of threads. On a GPU it also requires --autotune off, because the
// resumed process measures cuDNN's plans again and may choose others.
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

// standard: pad 4 (8 above 48 pixels), random crop, horizontal flip; cutout: also a square of zeros with half the image's side.
enum class Augment { none, standard, cutout };

struct TrainOptions {
  std::string data = "fashion-mnist";
  std::string model = "resnet20";
  int epochs = 10;
  int batch_size = 128;
  LearningRateSchedule lr;    // lr.epochs is set to `epochs`
  TemperatureSchedule tau;    // tau.epochs is set to `epochs`
  bool learn_tau = false;     // τ = e^s with s trained, starting at tau.start (learned_temperature.h)
  double tau_lr = 0.01;       // its learning rate, on the schedule of lr
  bool lr_times_tau = false;  // multiplies the learning rate by the current τ: undoes the 1/τ of the gradient to f
  OptimizerOptions optimizer;
  Augment augment = Augment::none;
  std::optional<bool>
      resident;  // keeps the training set in device memory if it fits; default: on CUDA. Does not change the images
  DType precision = DType::f32;
  std::string stem = "auto";          // ModelSpec::stem
  std::string classifier = "linear";  // ModelSpec::classifier
  double cosine_scale = 15;           // ModelSpec::cosine_scale
  // The control of the reparametrisation theorem: train at τ = 1 with the head started at W/τ and its data gradient divided
  // by τ², and multiply the logits by τ afterwards. With SGD it gives the τ-trained model to rounding. Needs a constant τ.
  bool reparametrize = false;
  bool sync_batch_norm = false;  // in a parallel run: BatchNorm's statistics over the images of all ranks
  AdversarialOptions adversarial;
  FineTuningOptions fine_tuning;
  ModelChoice choice;
  // How best.safetensors is chosen on Dataset::validation. Empty: robust with adversarial training, accuracy otherwise.
  std::optional<SelectBy> select_by = {};
  std::string init;            // safetensors file to start from; empty: random
  bool allow_partial = false;  // whether `init` may lack tensors or have others
  std::uint64_t seed = 0;
  int log_every = 20;  // steps
  int eval_every = 1;  // epochs; the last epoch is always evaluated
  int loader_workers = 1;
  bool resume = false;
  bool accept_changed_data = false;  // with resume: continues even if pixels or labels have changed since the run began
  std::string tensorboard;           // folder that gets a folder of event files for this run; empty: none
  KeptEpochs keep;                   // the epochs after which the weights are also saved to a separate file
  // The flags of the command, saved in every checkpoint. A resumed run compares them with its config.toml.
  std::map<std::string, std::string> flags;
  // Called before the first step, when weights are loaded and all checks have passed.
  std::function<void()> on_ready;
};

struct Divergence {
  std::int64_t step = 0;
  double loss = 0, tau = 0, lr = 0;
};

// Why a training counts as not converged, and its figures over the last quarter of its steps (convergence.h).
struct NonConvergence {
  enum class Reason { chance, loss, rising } reason = Reason::chance;
  double loss = 0, uniform_loss = 0;  // mean training loss; that of a uniform guess, ln C
  double accuracy = 0, chance = 0;    // of the training images; 1/C
  double lr = 0, tau = 1;  // the highest learning rate, with τ's factor if it has one; the temperature at the end
};

struct TrainReport {
  int epochs_trained = 0;              // in this call; 0: --resume found the run finished
  std::optional<double> accuracy;      // on the test set, at the end
  std::optional<double> ema_accuracy;  // the same with the averaged weights
  std::optional<EpochFigures> last;    // of the last finished epoch, perhaps of an earlier call; absent if not known
  BestEpoch best;                      // on the validation split; epoch 0 without one
  double tau = 1;                      // the training temperature at the end: of the schedule, or learned
  std::optional<Divergence> divergence;
  std::optional<NonConvergence> not_converged;
  std::optional<WeightsReport> initial;  // the weights of --init
  std::vector<std::string> notes;        // about the weights of --init, and about what a resumed run did not find
};

// Called at the start and after every step: images done in this call, images to do, a note with the epoch and the last logged loss.
using TrainProgress = std::function<void(std::int64_t done, std::int64_t total, const std::string& note)>;

// Trains on data.train into `run`, which exists and whose lock the caller holds (apps/run/run_lock.h). If data.validation holds images, every
// epoch is measured on them, and the best one is kept in best.safetensors. A loss that is NaN or infinite, or such a weight at the end of an
// epoch, ends the run with `divergence` set; the last good checkpoint is kept.
[[nodiscard]] TrainReport train(const TrainOptions& options, const Dataset& data, const RunFolder& run, Device device,
                                const TrainProgress& progress);

[[nodiscard]] Json to_json(const TrainReport& report, const TrainOptions& options, const RunFolder& run);

// options.select_by, or its default.
[[nodiscard]] SelectBy selection_of(const TrainOptions& options);

// One row for each option, except those that a command computes from others (tau, tau-end, lr, adversarial-eps, ...: apps/cli/train_flags.h).
// The table is the only place that defines an option's name, help, range, and whether it is fixed or free for a resumed run.
[[nodiscard]] Fields train_fields(TrainOptions& options);
// Throws a mistake for invalid values (τ ≤ 0, epochs < 1, ...), before anything is read or written.
void check_options(const TrainOptions& options);

}  // namespace kelvin
