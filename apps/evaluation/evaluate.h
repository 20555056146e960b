// Clean evaluation: accuracy, negative log-likelihood, calibration. `predict` and `accuracy_of` divide the batches among the ranks of a parallel
// run (shared_batches.h): all ranks call them, and get the same.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/shared_batches.h"
#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

struct Predictions {
  std::int64_t count = 0;
  int classes = 0;
  std::vector<float> logits;         // [N, C]
  std::vector<std::int32_t> labels;  // [N]
};

// Runs the model in eval mode over the whole set.
[[nodiscard]] Predictions predict(Model& model, const ImageSet& set, std::int64_t batch_size,
                                  const CountFunction& progress = {});

// One flag for each image: 1 if the largest logit is the label's. Paired tests compare these.
[[nodiscard]] std::vector<std::uint8_t> correct_images(const Predictions& predictions);

struct Evaluation {
  std::int64_t n = 0;
  double accuracy = 0;
  double nll = 0;  // mean −log p_y of softmax(z / τ), in double
  double ece = 0;  // expected calibration error, 15 equal-width bins (Guo et al. 2017, 1706.04599)
  std::vector<double> per_class_accuracy;  // NaN for a class without images
};

// eval_tau divides the logits; it changes nll and ece, never accuracy.
[[nodiscard]] Evaluation evaluate(const Predictions& predictions, double eval_tau);

// Accuracy alone.
[[nodiscard]] double accuracy_of(Model& model, const ImageSet& set, std::int64_t batch_size);

// The JSON of `evaluate --json`. Accuracies by class leave out classes without images.
[[nodiscard]] nlohmann::json to_json(const Evaluation& e, const std::vector<std::string>& class_names, double eval_tau,
                                     double train_tau);

}  // namespace kelvin
