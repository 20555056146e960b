// The effect of the loss temperature on the gradients with respect to the prototypes w_j, the features f and the image x of one trained
// model. This measures the mechanism behind the first figure of Xuan, Yang & Li (2502.20604).
//
// With L = −log softmax(z/τ)_y, z = Wf + b, and α and 1 − p_y of negative_softmax.h:
//
//   ∂L/∂w_y = −(1 − p_y)/τ · f          ∂L/∂w_j = α_j (1 − p_y)/τ · f        (j ≠ y)
//   ∂L/∂f   =  (1 − p_y)/τ · u          u = Σ_{j≠y} α_j (w_j − w_y)
//   ∂L/∂x   =  (1 − p_y)/τ · Jᵀu        J = ∂f/∂x
//
// so τ acts twice: on the direction, through α, and on the step size (1 − p_y)/τ. Directions and norms are computed from α and log-odds in
// double (u and Jᵀu by back-propagation in float32, the factor applied afterwards). So they are correct even where the gradient of float32
// cross-entropy is zero. `zero_images` counts these cases.
//
// For a cosine classifier, z_j = s ŵ_j·f̂ with unit vectors, ∂L/∂w is the gradient with respect to ŵ_j (with s f̂ in place of f); ∂L/∂f and
// ∂L/∂x are those with respect to f and x, through the normalisation.
//
// τ here is the temperature of the loss under study, independent of the one the model was trained at.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/evaluate.h"
#include "apps/run/fields.h"
#include "data/dataset.h"
#include "models/model.h"

namespace kelvin {

struct GradientOptions {
  std::vector<double> taus = {0.1, 0.5, 1, 10, 30, 50, 70, 100};
  std::int64_t batch_size = 100;
};
[[nodiscard]] Fields gradient_fields(GradientOptions& options);

// Means over images unless said otherwise. A cosine is absent if no image had two nonzero gradients to compare.
struct GradientsAtTau {
  double tau = 0;
  std::vector<double> alpha_shares;  // [C − 1] α of the hardest negative class of each image, the second hardest, ...
  double effective_negatives = 0;    // exp(entropy of α), 1 ... C − 1
  double alpha_entropy = 0;          // entropy of α / log(C − 1), 0 ... 1 (0 where C = 2)
  std::vector<double> class_share;   // [C] mean α_j, 0 on images of class j itself: sums to 1
  double step_size = 0, median_step_size = 0;  // (1 − p_y)/τ
  // (Σ s)² / (n Σ s²) with s = 1 − p_y over the images: 1 if all contribute equally to the set's gradient, 1/n if only one contributes.
  double image_participation = 0;
  double true_prototype_l2 = 0;                       // ‖∂L/∂w_y‖₂
  double negative_prototype_l2 = 0;                   // ‖∂L/∂w_j‖₂, mean over j ≠ y too
  double hardest_prototype_l2 = 0;                    // ‖∂L/∂w_j‖₂ of the hardest negative class
  double feature_l2 = 0;                              // ‖∂L/∂f‖₂
  double input_l1 = 0, input_l2 = 0, input_linf = 0;  // of ∂L/∂x
  // Of ∂L/∂x from float32 cross-entropy at this τ by back-propagation, over correctly classified images: the share of images with every
  // coordinate exactly 0, and the share of coordinates that are exactly 0.
  double zero_images = 0, zero_coordinates = 0;
  // Cosines to the gradient at τ = 1, per image, of ∂L/∂W, ∂L/∂f and ∂L/∂x; and of ∂L/∂W of the mean loss over the whole set, where τ also
  // shifts weight between images.
  std::optional<double> prototype_cosine, feature_cosine, input_cosine, set_prototype_cosine;
};

struct GradientStudy {
  std::int64_t n = 0;
  double accuracy = 0;
  std::vector<GradientsAtTau> rows;  // in the order of options.taus
  // L∞ distance to the linearised boundary, (z_y − max_{j≠y} z_j) / ‖∇_x of it‖₁, over correctly classified images, in units of
  // pixels in [0, 1]. It does not depend on the scale of the logits, so it shows whether a boundary moved. Percentiles 5, 25, 50, 75, 95;
  // empty without a correctly classified image.
  std::vector<double> linearized_distance;
};

// Throws a mistake for an empty set, no temperature, or one that is not positive and finite. Deterministic. Cost: per batch
// 2 |τs| + 3 forward and backward passes.
[[nodiscard]] GradientStudy measure_gradients(Model& model, const ImageSet& set, const GradientOptions& options,
                                              const CountFunction& progress = {});

// (gradients_json.cpp)
[[nodiscard]] nlohmann::json to_json(const GradientStudy& study, const std::vector<std::string>& class_names,
                                     double train_tau);

}  // namespace kelvin
