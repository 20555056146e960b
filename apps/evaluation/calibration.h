// How far confidences may be believed, at a temperature T that divides the logits, and the T that makes them most believable.
//
// conf = max_j softmax(z/T)_j. A bin's gap is |accuracy − mean confidence| over its images.
//
//   ECE           Σ over 15 bins of equal width of n_m/N · gap; bin m holds conf in ((m − 1)/15, m/15] (Guo et al. 2017, 1706.04599)
//   adaptive ECE  the same over 15 bins of equal count (sizes differ by at most one), images sorted by confidence
//   MCE           the largest gap of the equal-width bins; empty bins skipped
//   Brier         mean Σ_j (p_j − [j = y])², between 0 and 2
//   NLL           mean −log p_y
//
// All in double; T never changes accuracy. Ties in confidence keep the order of the images.
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

// A mistake without images.
[[nodiscard]] Calibration calibrate(const Predictions& predictions, double tau, int bins = 15);

struct FittedTemperature {
  double tau = 1;
  std::int64_t n = 0;
  double nll = 0;  // at tau, on the images of the fit
  bool is_bound =
      false;  // the NLL falls all the way to an end of [1e-4, 1e6]: no label is ever missed, or none is ever hit
};

// The T > 0 of least NLL. The NLL is convex in β = 1/T: its derivative, mean(Σ_j p_j z_j − z_y), rises with β, so bisection on
// log T followed by Newton's steps inside the bracket finds the only zero. To be fitted on images that the figures at T do not use.
[[nodiscard]] FittedTemperature fit_temperature(const Predictions& predictions);

// Two-fold cross-fitting for where no unseen images are left: even-numbered images get the T fitted on the odd ones and the
// other way round, so that no label calibrates its own image.
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
