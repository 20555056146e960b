// Model selection on held-out training images (data/hold_out.h): after every epoch the validation split is measured, and the weights
// of the best epoch so far are kept as best.safetensors beside the checkpoint. The test half is not used.
//
// Adversarial training overfits: robust accuracy falls while clean accuracy still rises (Rice et al. 2020, 2002.11569). So the epoch can be
// chosen by robust accuracy: PGD with the ball, steps and step size of the training, on the log-odds loss at τ = 1. That loss cannot
// saturate (kernels/losses/log_odds_cross_entropy.h); cross-entropy at a small inner τ would choose the epoch that masks its gradients most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/training/adversarial.h"
#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

enum class SelectBy { none, accuracy, robust };
[[nodiscard]] const std::vector<Named<SelectBy>>& select_by_names();
[[nodiscard]] std::string name_of(SelectBy by);

struct ValidationScores {
  double accuracy = 0;
  std::optional<double> robust_accuracy = {};  // measured if training is adversarial or the choice uses it
};

// head_scale: the factor of the logits in evaluation (RunInfo::head_scale); the attack uses the same logits as evaluation. Deterministic by
// seed: every epoch is attacked from the same starts.
[[nodiscard]] ValidationScores measure_validation(Model& model, const ImageSet& set, const AdversarialOptions& attack,
                                                  bool measure_robustness, double head_scale, std::uint64_t seed);

// The best epoch so far; of equal scores the first.
struct BestEpoch {
  std::uint32_t epoch = 0;  // number of finished epochs; 0: none yet
  double score = -1;

  // Takes `scores` if they are better; returns whether they are.
  bool update(SelectBy by, const ValidationScores& scores, std::uint32_t at_epoch);
};

}  // namespace kelvin
