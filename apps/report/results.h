// The JSON that subcommands print with --json and leave in results/: the names in it are part of the command line's contract.
#pragma once

#include "apps/analysis/geometry.h"
#include "apps/analysis/gradients.h"
#include "apps/attacks/attack.h"
#include "apps/evaluation/calibration.h"
#include "apps/evaluation/corruptions.h"
#include "apps/evaluation/evaluate.h"
#include "apps/run/run_folder.h"

namespace kelvin {

[[nodiscard]] Json to_json(const Evaluation& e, const std::vector<std::string>& class_names, double eval_tau,
                           double train_tau);
// One temperature of `evaluate`: `role` is "1", "training", "evaluation" or "fitted".
[[nodiscard]] Json to_json(const Calibration& c, const std::string& role);
// The calibration at T = 1 and at the training temperature, listed once where they are the same.
[[nodiscard]] Json calibrations_of(const Predictions& predictions, double train_tau);
[[nodiscard]] Json to_json(const CorruptionTable& table, double train_tau);
[[nodiscard]] Json to_json(const Geometry& g, double train_tau);
[[nodiscard]] Json to_json(const GradientStudy& study, const std::vector<std::string>& class_names, double train_tau);
[[nodiscard]] Json to_json(const AttackResult& result, const AttackOptions& options, const std::string& label,
                           const std::string& title, double train_tau);

// One line of --save-results: an image and what became of it.
[[nodiscard]] Json to_json(const AttackedImage& image, std::int64_t index, const AttackResult& result);

// "PGD-20, log-odds, attack tau 1"
[[nodiscard]] std::string title_of(const AttackOptions& options);

}  // namespace kelvin
