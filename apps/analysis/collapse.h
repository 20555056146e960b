// Neural collapse and rank of features: the arrangement of the classes, independent of the scale of W and f.
//
// μ_c is the mean feature of class c, μ the mean of the class means, and m_c = μ_c − μ. Classes without an image in the set are left out; C is
// the number of the others. Σ_W is the mean over images of (f − μ_y)(f − μ_y)ᵀ, Σ_B the mean over classes of m_c m_cᵀ.
// Quantities of Papyan, Han & Donoho 2020 (2008.08186):
//
//   NC1  tr(Σ_W Σ_B⁺)/C            within-class scatter relative to the class means; 0 when every feature equals its class mean
//   NC2  std/mean of ‖m_c‖, and mean |cos(m_c, m_c') + 1/(C − 1)|       0 at a simplex equiangular tight frame
//   NC3  ‖W/‖W‖_F − M/‖M‖_F‖_F      prototypes against centred class means (rows); 0 when they align
//   NC4  share of images whose nearest class mean is the class the model predicts; 1 at collapse
//
// They are defined on the training set; on test images they also contain the generalisation gap. Always state which set was used.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kelvin {

struct Collapse {
  std::int64_t classes = 0;                // with at least one image
  double within_between = 0;               // NC1
  double class_mean_norm_spread = 0;       // NC2
  double class_mean_cosine_deviation = 0;  // NC2
  double class_mean_alignment = 0;         // NC3
  double nearest_centre_agreement = 0;     // NC4
};

// Rank of the features centred on their mean, from its singular values σ₁ ≥ σ₂ ≥ ...
struct FeatureRank {
  std::int64_t dimension = 0;           // d
  std::int64_t numerical = 0;           // σ > σ₁ · max(n, d) · 2⁻²³: NumPy's rule for float32
  std::int64_t one_percent = 0;         // σ > σ₁/100
  double effective = 0;                 // exp(entropy of σ_k / Σσ) (Roy & Vetterli 2007)
  double stable = 0;                    // Σσ² / σ₁²
  std::vector<double> variance_shares;  // σ_k² / Σσ², descending, the first 64 at most
};

// features [n, d], labels and predictions [n], prototypes [C, d]. Absent if fewer than two classes have images or all class means
// coincide.
[[nodiscard]] std::optional<Collapse> measure_collapse(std::span<const float> features,
                                                       std::span<const std::int32_t> labels,
                                                       std::span<const std::int32_t> predictions,
                                                       std::span<const float> prototypes, std::size_t width);

// All zeros if the features are all equal.
[[nodiscard]] FeatureRank measure_feature_rank(std::span<const float> features, std::size_t width);

}  // namespace kelvin
