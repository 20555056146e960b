// Model selection on held-out training images (data/hold_out.h): after every epoch the validation split is measured, and the weights
// of the best epoch so far are kept as best.safetensors beside the checkpoint. The test half takes no part.
//
// Adversarial training overfits its robustness badly while clean accuracy still rises (Rice et al. 2020, 2002.11569), so the choice
// can go by robust accuracy: PGD in the ball, steps and step size of the training, on the log-odds loss at τ = 1. That loss cannot
// saturate (kernels/losses/log_odds_cross_entropy.h); cross-entropy at a small inner τ would choose the epoch with the best masked gradients.
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
  std::optional<double> robust_accuracy = {};  // measured where training is adversarial or the choice goes by it
};

// head_scale: by what evaluation multiplies the logits (RunInfo::head_scale); the attack sees the logits that evaluation sees.
// Deterministic by seed: every epoch is attacked from the same starts.
[[nodiscard]] ValidationScores measure_validation(Model& model, const ImageSet& set, const AdversarialOptions& attack,
                                                  bool measure_robustness, double head_scale, std::uint64_t seed);

// The best epoch so far. Of equal scores the first stays.
struct BestEpoch {
  std::uint32_t epoch = 0;  // finished epochs then; 0: none yet
  double score = -1;

  // Whether `scores` beat what was kept; keeps them then.
  bool update(SelectBy by, const ValidationScores& scores, std::uint32_t at_epoch);
};

}  // namespace kelvin
