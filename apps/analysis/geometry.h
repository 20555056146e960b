// The positions of features relative to the class prototypes: the paper's distances (2502.20604, figures 6 and 7), and quantities free of scale,
// without which the distances prove little.
//
// D_j = ‖f(x) − w_j‖₂ over the negative classes j ≠ y. D_j² = ‖f‖² + ‖w_j‖² − 2 f·w_j, so the variance of D_j depends on the scale of W, which
// τ alone changes (logits grow with τ). Only quantities free of scale support a claim about geometry: unit vectors, neural collapse and rank
// (collapse.h). The coefficient of variation of D_j is free of the common scale of features and prototypes, but not of their ratio.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "apps/analysis/collapse.h"
#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

struct Histogram {
  std::vector<double> edges;  // bins + 1, equally spaced; from the smallest to the largest value unless said otherwise
  std::vector<std::int64_t> counts;
};

struct Geometry {
  std::int64_t n = 0;
  double mean_distance = 0;                    // mean over images and negative classes of D_j
  double mean_distance_variance = 0;           // mean over images of Var_j(D_j), population variance
  double coefficient_of_variation = 0;         // mean over images of std_j(D_j) / mean_j(D_j); depends on ‖w_j‖ / ‖f‖
  double cosine_coefficient_of_variation = 0;  // the same with f and w_j normalised to length 1
  double feature_norm = 0;                     // mean ‖f‖
  double prototype_norm = 0;                   // mean ‖w_j‖
  double prototype_norm_spread = 0;            // std_j ‖w_j‖ / mean_j ‖w_j‖
  double prototype_cosine = 0;            // mean cosine between two prototypes; −1/(C − 1) under neural collapse
  double prototype_cosine_spread = 0;     // standard deviation of those cosines
  double prototype_cosine_deviation = 0;  // mean |cos + 1/(C − 1)|
  Histogram histogram;                    // of D_j over images and negative classes
  Histogram unit_histogram;               // the same with f and w_j normalised to length 1, over [0, 2]
  std::optional<Collapse> collapse;
  FeatureRank feature_rank;
};

[[nodiscard]] Geometry measure_geometry(Model& model, const ImageSet& set, std::int64_t batch_size, int bins = 40);

[[nodiscard]] nlohmann::json to_json(const Geometry& g, double train_tau);

}  // namespace kelvin
