// Whether a finished training has converged, judged from the lines of its metrics.jsonl over the last quarter of its steps.
//
// It has not if one of these holds:
//   chance   the accuracy is not above that of a uniform guess: (a − 1/C) / (1 − 1/C) < 2 %, or within three standard errors of 1/C
//   loss     the mean cross-entropy of softmax(z/τ) is above ln C, that of a uniform guess, and not falling fast: to 60 % of the quarter before,
//            and by another quarter from the first half of the last one to its second
//   rising   the loss exceeds that of the quarter before by more than a tenth and by three standard errors, and the accuracy is lower
// The loss is only judged if it is that cross-entropy at one temperature: a schedule of τ, a learned τ, smoothed labels and adversarial
// objectives are judged by accuracy alone. Runs of fewer than 40 steps, or whose last quarter is not on file, are not judged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/training/logged_steps.h"
#include "apps/training/train.h"

namespace kelvin {

struct ConvergenceQuestion {
  int classes = 10;
  int batch_size = 128;
  bool judges_loss = true;  // see above
  std::optional<double>
      test_accuracy;  // if it is above chance, the training accuracy may be at chance (attacked training images)
};

// `logged` in the order of the steps. learning_rate and tau of the answer are 0.
[[nodiscard]] std::optional<NonConvergence> judge_convergence(const std::vector<LoggedSteps>& logged,
                                                              const ConvergenceQuestion& question);

// The same for a run, from its metrics.jsonl; with learning rate and τ.
[[nodiscard]] std::optional<NonConvergence> judge_convergence(const RunFolder& run, const TrainOptions& options,
                                                              int classes, std::optional<double> test_accuracy);

// {"reason", "loss", "uniform_loss", "accuracy", "chance", "lr", "tau", "lr_over_tau"}
[[nodiscard]] Json to_json(const NonConvergence& n);

// "training has not converged: ...": one line, with the command that finds the largest learning rate that converges.
[[nodiscard]] Message text_of(const NonConvergence& n, const std::string& data, const std::string& model);

}  // namespace kelvin
