// The τ experiment: the same model is trained at several temperatures. Each is measured on clean images, on corrupted images, and under one
// attack with three losses. It shows whether the robustness of a high-τ model at attack τ = 1 survives an attack whose loss does not saturate.
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
  std::int64_t gradient_limit = 500;
  // Targeted attacks and audits take at most these, and no more than attack_limit and a fifth of it.
  std::int64_t targeted_limit = 200, audit_limit = 100;
  std::filesystem::path out;  // holds one run folder per temperature
};

// One row of the experiment's table; a diverged run has no numbers.
struct ExperimentRow {
  double tau = 1;
  bool diverged = false;
  std::string divergence;            // "at step 40"
  std::string not_converged;         // why (apps/training/convergence.h); empty: it has
  std::optional<double> train_loss;  // also absent if an earlier version did not save it
  double clean = 0, corrupted = 0;
  double pgd_tau1 = 0, pgd_tau_train = 0, pgd_log_odds = 0;  // robust accuracies
  double zero_gradient_fraction = 0, median_margin = 0;      // of the attack at τ = 1
  double distance_variance = 0, coefficient_of_variation = 0;
  // The CE − log-odds gap: what PGD on cross-entropy at attack τ = 1 leaves standing more than PGD on log-odds.
  [[nodiscard]] double loss_gap() const { return pgd_tau1 - pgd_log_odds; }
};

// Runs one temperature into out/tau-<τ>. Continues an unfinished run of an earlier call with the same settings, or reads the results of a
// finished one. Throws a mistake if that folder holds anything else or another process works in it.
[[nodiscard]] ExperimentRow run_temperature(double tau, const ExperimentOptions& options, const Dataset& data,
                                            Device device, const StageProgress& progress);

// Throws a mistake if the folder of a temperature holds anything else than this experiment. Called before any is run.
void require_own_folders(const ExperimentOptions& options, const Dataset& data);

[[nodiscard]] RunFolder folder_of(double tau, const ExperimentOptions& options);
[[nodiscard]] std::string table_of(const std::vector<ExperimentRow>& rows);
// A summary of the table's numbers in two or three sentences.
[[nodiscard]] std::string reading_of(const std::vector<ExperimentRow>& rows);
[[nodiscard]] Json to_json(const ExperimentRow& row);

}  // namespace kelvin
