// The τ experiment: the same model trained at several temperatures, each measured in the same way – clean, corrupted, and
// under one attack with three losses. What it is for: to see whether a high-τ model's robustness at attack τ = 1 survives an
// attack whose loss does not saturate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/measure.h"
#include "apps/training/train.h"

namespace kelvin {

struct ExperimentOptions {
  std::vector<double> taus = {0.1, 1, 10, 50, 100};
  TrainOptions train;                                                            // its τ is replaced
  AttackOptions attack;                                                          // its loss and attack_tau are replaced
  int severity = 3;                                                              // of the corruptions
  std::int64_t attack_limit = 500, corrupt_limit = 1000, geometry_limit = 2000;  // test images
  std::filesystem::path out;                                                     // one run folder a temperature inside
};

// One line of the experiment's table; numbers are absent where the run diverged.
struct ExperimentRow {
  double tau = 1;
  bool diverged = false;
  std::string divergence;            // "at step 40"
  std::optional<double> train_loss;  // absent, too, where an earlier version did not keep it
  double clean = 0, corrupted = 0;
  double pgd_tau1 = 0, pgd_tau_train = 0, pgd_log_odds = 0;  // robust accuracies
  double zero_gradient_fraction = 0, median_margin = 0;      // of the attack at τ = 1
  double distance_variance = 0, coefficient_of_variation = 0;
  // The CE − log-odds gap: how much of the robustness at attack τ = 1 was the attack failing to see. Its key in JSON says masking_gap.
  [[nodiscard]] double masking_gap() const { return pgd_tau1 - pgd_log_odds; }
};

// Runs one temperature into out/tau-<τ>, goes on with what an earlier call with the same settings left there, or reads its results when it
// was finished. A mistake when that folder holds anything else, or another process works in it.
[[nodiscard]] ExperimentRow run_temperature(double tau, const ExperimentOptions& options, const Dataset& data,
                                            Device device, const StageProgress& progress);

// A mistake where a temperature's folder holds anything else than this experiment, before any is run.
void require_own_folders(const ExperimentOptions& options, const Dataset& data);

[[nodiscard]] RunFolder folder_of(double tau, const ExperimentOptions& options);
[[nodiscard]] std::string table_of(const std::vector<ExperimentRow>& rows);
// What the table says, in two or three sentences made from its numbers.
[[nodiscard]] std::string reading_of(const std::vector<ExperimentRow>& rows);
[[nodiscard]] Json to_json(const ExperimentRow& row);

}  // namespace kelvin
