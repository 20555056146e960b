// The inner maximisation of adversarial training: PGD in the L∞ ball from a start near each image.
//
//   pgd           uniform in the ball, clipped to [0, 1]
//   trades, mart  x + 0.001 N(0, 1), not clipped: the projection of the first step clips it, as in their reference code
//
// It maximises cross-entropy (or another attack loss) at τ_in; for trades the KL term, with p(x) computed once. Starts depend on the seed, the
// step and the position in the batch only (in the whole batch, of which a rank of a parallel run has a part), so that a resumed run ends with the same bits. On the GPU one iteration is recorded and replayed.
// The statistics are summed in device memory and read once in an epoch.
#pragma once

#include "apps/training/step_temperatures.h"
#include "kernels/device/step_graph.h"
#include "models/frozen_weights.h"

namespace kelvin {

class InnerAttack {
 public:
  // Keeps references to its arguments. clean and labels: the tensors of a full batch, the same in every step.
  InnerAttack(Model& model, const AdversarialOptions& options, const StepTemperatures& temperatures,
              const Tensor& clean, const Tensor& labels, std::uint64_t seed);

  // Computes adversarial versions of the first n clean images [n, H, W, C]. The next call overwrites them. first: the position of the first of
  // them in the whole batch.
  [[nodiscard]] Tensor attack(std::int64_t n, std::int64_t step, std::int64_t first = 0);

  // Means over the images of all ranks since the last call of take_log, which reads device memory. Collective.
  struct Log {
    double zero_gradient_fraction = 0;  // of images whose gradient at the start was exactly 0
    double displacement = 0;            // ‖x' − x_start‖∞
    double fosc = 0;  // first-order stationarity at x_{K−1}, the last iterate whose gradient is known
  };
  [[nodiscard]] Log take_log();

 private:
  [[nodiscard]] Tensor start_of(const Tensor& clean, std::int64_t step, std::int64_t first) const;
  void iterate(std::int64_t n);
  [[nodiscard]] Tensor loss(const Tensor& logits, const Tensor& labels) const;
  void add_to(const Tensor& total, const Tensor& per_image) const;

  Model& model_;
  const AdversarialOptions& options_;
  const StepTemperatures& temperatures_;
  const Tensor clean_, labels_;
  std::uint64_t seed_;
  Tensor x_, clean_logits_;                          // of a full batch
  Tensor fosc_, is_zero_, moved_;                    // [batch]
  Tensor fosc_total_, is_zero_total_, moved_total_;  // [1]
  StepGraph iteration_;
  FrozenWeights frozen_;  // declared after the recording that reads it
  double images_ = 0;
};

}  // namespace kelvin
