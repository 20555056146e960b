// Adversarial training (Madry et al. 2018, 1706.06083): every batch is replaced by PGD's images before the training step.
//
//   min_θ E[ CE(z(x')/τ_out, y) ],   x' = PGD on CE(z(x)/τ_in, y) or another loss, uniform random start
//
// τ_in and the training temperature are separate: with τ_in = 1 and a large τ the inner loss saturates, its gradient vanishes, and the
// model is trained on random noise. Each epoch therefore logs how many images had a gradient of exactly zero at the start and how far
// the images moved from it. Random starts belong to (seed, step, position in the batch): a resumed run ends with the same bits.
#pragma once

#include <memory>

#include "apps/attacks/attack.h"
#include "kernels/device/step_graph.h"
#include "models/model.h"

namespace kelvin {

struct AdversarialOptions {
  bool is_on = false;
  float eps = 8.0f / 255.0f, step = 2.0f / 255.0f;
  int steps = 10;
  double inner_tau = 0;  // τ_in; 0: the training temperature of the step
  AttackLoss loss = AttackLoss::cross_entropy;
  // BatchNorm while the images are made. eval: running statistics, as TRADES does and most recipes prefer. train: the batch's, and
  // the running statistics move with every inner step, as in Madry's.
  Mode batch_norm = Mode::eval;
};
void check_options(const AdversarialOptions& options);  // throws a mistake

// Makes the batches of a run, and keeps what the log says about them. On the GPU all inner steps but the first (which the log looks at) are one
// recorded iteration, replayed as long as images and labels lie where they lay and τ_in is what it was; a smaller last batch and a
// temperature that changes from step to step run eagerly.
class AdversarialBatches {
 public:
  AdversarialBatches(Model& model, const AdversarialOptions& options, std::uint64_t seed)
      : model_(model), options_(options), seed_(seed) {}

  // images [N, H, W, C] are overwritten. tau: the training temperature now.
  void attack(const Tensor& images, const Tensor& labels, double tau, std::int64_t step);

  // Over the batches since the last call.
  struct Log {
    double zero_gradient_fraction = 0, displacement = 0;  // mean ‖x' − x_start‖∞
  };
  [[nodiscard]] Log take_log();

 private:
  // One PGD step of x in place; returns the gradient it followed.
  [[nodiscard]] Tensor iterate(const Tensor& x, const Tensor& images, const Tensor& labels, double inner_tau);
  // The iterate's place and whether the recording serves this batch; makes a new one when another full batch has come.
  [[nodiscard]] bool can_replay(const Tensor& images, const Tensor& labels, double inner_tau);

  struct Recorded {
    Tensor x, images, labels;  // kept, so that nothing else comes to lie there
    double inner_tau;
    StepGraph iteration;
  };

  Model& model_;
  const AdversarialOptions& options_;
  std::uint64_t seed_;
  std::unique_ptr<Recorded> recorded_;
  double last_tau_ = 0;
  double images_ = 0, without_gradient_ = 0, moved_ = 0;
};

}  // namespace kelvin
