// One training step at a time: from a batch to the objective, its gradient, and the update of the weights.
//
// All inputs that change from step to step (images, labels, learning rate, temperatures, a batch's share of the step) are in device memory at
// fixed addresses. So every step is the same work: on a GPU it is recorded once and replayed. Only `take_totals` reads anything back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "apps/training/device_number.h"
#include "apps/training/inner_attack.h"
#include "apps/training/learned_temperature.h"
#include "apps/training/objectives.h"
#include "apps/training/train.h"
#include "apps/training/weight_perturbation.h"
#include "engine/checkpoint.h"
#include "engine/gradient_exchange.h"
#include "engine/tape.h"
#include "engine/weight_average.h"
#include "kernels/device/step_graph.h"

namespace kelvin {

class Learner {
 public:
  // Keeps references to options and model. image: [H, W, C] of a training image.
  Learner(const TrainOptions& options, Model& model, const Shape& image, Device device);

  // The buffers into whose first n rows the caller copies the next batch: images float32 [batch, H, W, C], labels int32 [batch].
  [[nodiscard]] const Tensor& images() const { return images_; }
  [[nodiscard]] const Tensor& labels() const { return labels_; }

  // In a parallel run (kernels/processes/processes.h) each rank has a part of every batch. The gradients are summed over the ranks before they are
  // used, with weights that make the step that of the whole batch, so all ranks make the same update.
  struct Step {
    std::int64_t n = 0;             // images of this rank
    std::int64_t first = 0;         // where they begin in the whole batch
    std::int64_t batch_images = 0;  // images of the whole batch
    std::int64_t index = 0;  // of the batch since the start of the run: random starts and dropout masks depend on it
    std::uint32_t epoch = 0;
    double lr = 0, tau = 1;                // tau is ignored if it is learned
    bool is_first = true, is_last = true;  // among the batches of one optimizer step
    std::int64_t group_images = 0;         // images of all whole batches of that optimizer step
  };
  void step(const Step& step);

  // Totals over the batches since the last call of take_totals, which reads device memory. Collective.
  struct Totals {
    double loss = 0;  // sum over batches of their mean losses
    std::int64_t correct = 0;
  };
  [[nodiscard]] Totals take_totals();
  [[nodiscard]] InnerAttack::Log take_inner_attack_log() { return inner_attack_.take_log(); }

  [[nodiscard]] std::optional<double> learned_tau() const;  // its present value; empty: not learned
  [[nodiscard]] std::optional<WeightAverage>& average() { return average_; }

  // Prepares a new training: multiplies the head by ModelChoice::head_init_scale, and divides it by τ for the control of the reparametrisation
  // theorem; the average starts at the weights.
  void start();
  [[nodiscard]] NamedTensors state() const;          // of the optimizer, the learned τ and the average
  [[nodiscard]] NamedTensors average_state() const;  // of the average alone
  // BatchNorm's running statistics, of the model and of the average <- their means over the ranks, of which each has seen its own images.
  // Collective; before an evaluation or a checkpoint.
  void average_statistics() const;
  [[nodiscard]] bool is_finite() const;    // weights and `state`, on all ranks; collective, reads device memory
  void load(const SafetensorsFile& file);  // restores `state`
  [[nodiscard]] double head_scale() const { return head_scale_; }  // factor of the logits after the training

 private:
  void whole_step(const ObjectiveBatch& batch, bool perturbs);
  // `exchanges`: whether the gradients are complete after this batch, and are summed over the ranks.
  void learn(const ObjectiveBatch& batch, ParameterGradients mode, bool exchanges);
  [[nodiscard]] ObjectiveValue differentiate(const ObjectiveBatch& batch, ParameterGradients mode, bool exchanges);
  void update();
  void zero_gradients() const;
  [[nodiscard]] ObjectiveMode objective_mode() const;
  void scale_head(float factor, Tensor Parameter::*part) const;

  const TrainOptions& options_;
  Model& model_;
  Device device_;
  std::vector<const Parameter*> trained_;
  Optimizer optimizer_;
  std::optional<WeightAverage> average_;
  std::optional<LearnedTemperature> learned_tau_;
  DeviceNumber lr_, tau_lr_;
  StepTemperatures temperatures_;
  DeviceNumber share_;
  Tensor loss_total_, correct_;
  Tensor images_, labels_;
  std::unique_ptr<StepGraph> graph_;
  bool graph_perturbs_ = false;                 // whether the recorded step perturbs the weights
  float loss_weight_ = 1;                       // of this rank's mean loss in that of the whole batch
  std::unique_ptr<GradientExchange> exchange_;  // of the trained parameters, the learned temperature among them
  InnerAttack inner_attack_;
  WeightPerturbation perturbation_;
  double head_scale_;
};

}  // namespace kelvin
