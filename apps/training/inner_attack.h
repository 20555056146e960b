// The inner maximisation of adversarial training: PGD in the L∞ ball from a start near each image.
//
//   pgd           uniform in the ball, clipped to [0, 1]
//   trades, mart  x + 0.001 N(0, 1), not clipped: the first step's projection does that, as in their reference code
//
// It follows cross-entropy (or another attack loss) at τ_in; of trades the KL term itself, with p(x) computed once. Starts belong to
// (seed, step, position in the batch): a resumed run ends with the same bits. On the GPU one iteration is recorded and replayed; the
// statistics add up in device memory and are read once an epoch.
#pragma once

#include "apps/training/step_temperatures.h"
#include "kernels/device/step_graph.h"
#include "models/frozen_weights.h"

namespace kelvin {

class InnerAttack {
 public:
  // Keeps references to all of them. clean and labels: the tensors of a full batch, the same every step.
  InnerAttack(Model& model, const AdversarialOptions& options, const StepTemperatures& temperatures,
              const Tensor& clean, const Tensor& labels, std::uint64_t seed);

  // Makes the adversarial versions of the first n clean images [n, H, W, C]; they are overwritten by the next call.
  [[nodiscard]] Tensor attack(std::int64_t n, std::int64_t step);

  // Means over the images since the last call. Reads device memory.
  struct Log {
    double zero_gradient_fraction = 0;  // of images whose gradient at the start was exactly 0
    double displacement = 0;            // ‖x' − x_start‖∞
    double fosc = 0;  // first-order stationarity at the last iterate whose gradient was taken, x_{K−1}
  };
  [[nodiscard]] Log take_log();

 private:
  [[nodiscard]] Tensor start_of(const Tensor& clean, std::int64_t step) const;
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
  FrozenWeights frozen_;  // after the recording that reads it
  double images_ = 0;
};

}  // namespace kelvin
