// Calibration: how well confidences agree with accuracy at a temperature T that divides the logits, and the T that fits best.
//
// conf = max_j softmax(z/T)_j. A bin's gap is |accuracy − mean confidence| over its images.
//
//   ECE           Σ over 15 bins of equal width of n_m/N · gap; bin m holds conf in ((m − 1)/15, m/15] (Guo et al. 2017, 1706.04599)
//   adaptive ECE  the same over 15 bins of equal count (sizes differ by at most one), images sorted by confidence
//   MCE           the largest gap of the equal-width bins; empty bins skipped
//   Brier         mean Σ_j (p_j − [j = y])², between 0 and 2
//   NLL           mean −log p_y
//
// All arithmetic is in double. T never changes accuracy. Images of equal confidence keep their order.
#pragma once

#include "apps/evaluation/evaluate.h"

namespace kelvin {

struct ReliabilityBin {
  double low = 0, high = 0;  // (low, high] of the confidence; for equal counts, its smallest and largest
  std::int64_t count = 0;
  double confidence = 0, accuracy = 0;  // means over its images; 0 where empty
};

struct Calibration {
  double tau = 1;
  double accuracy = 0, nll = 0, ece = 0, adaptive_ece = 0, mce = 0, brier = 0;
  std::vector<ReliabilityBin> bins;           // of equal width
  std::vector<ReliabilityBin> adaptive_bins;  // of equal count
};

// Throws a mistake if there are no images.
[[nodiscard]] Calibration calibrate(const Predictions& predictions, double tau, int bins = 15);

struct FittedTemperature {
  double tau = 1;
  std::int64_t n = 0;
  double nll = 0;         // at tau, on the images of the fit
  bool is_bound = false;  // tau is an end of [1e-4, 1e6], because the NLL falls up to there
};

// The T > 0 with the smallest NLL. The NLL is convex in β = 1/T: its derivative, mean(Σ_j p_j z_j − z_y), rises with β. Newton's steps find
// its only zero, with bisection on log T where a step leaves the bracket. Fit T on other images than those whose figures at T are reported.
[[nodiscard]] FittedTemperature fit_temperature(const Predictions& predictions);

// Two-fold cross-fitting, for when no unseen images are left. Even-numbered images get the T fitted on the odd ones, and odd-numbered
// images the T fitted on the even ones, so that no image is calibrated with its own label.
struct CrossFit {
  FittedTemperature on_even, on_odd;
  Calibration calibration;  // at those two T; its tau is their geometric mean
};
[[nodiscard]] CrossFit cross_fit(const Predictions& predictions);

// One temperature of `evaluate`: `role` is "1", "training", "evaluation" or "fitted".
[[nodiscard]] nlohmann::json to_json(const Calibration& c, const std::string& role);
// The calibration at T = 1 and at the training temperature, listed once where they are the same.
[[nodiscard]] nlohmann::json calibrations_of(const Predictions& predictions, double train_tau);

}  // namespace kelvin
