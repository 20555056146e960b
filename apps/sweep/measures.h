// The measurements of the cells of a sweep, by name and size.
//
//   clean      accuracy, NLL, calibration on the test set
//   corrupt    the benchmark's corruptions, at each severity
//   pgd        the paper's attack and its sound version only: PGD on cross-entropy at τ = 1, and on log-odds
//   attacks    paper-faithful: PGD on cross-entropy at attack τ = 1, and C&W as PGD-30 on the margin; sound: log-odds, attack τ = training τ
//   worst      `worst_attack` on the images that withstood all the attacks: with them, the per-image minimum
//   geometry   distances between features and prototypes
//   audit      every check of `kelvin audit`
//   targeted   PGD at attack τ = 1 on cross-entropy and on the margin, each untargeted and towards one random class, on the same images
//   distance   to the decision boundary, by FAB-T in L∞ without a radius (apps/experiment/boundary_distance.h)
//   gradients  of the loss at the training τ, among them the entropy of the shares α of the wrong classes
//
// A targeted attack that reaches its class also leaves the label. So an untargeted attack that is run to its end leaves no more images robust
// than a targeted one; if it does, it has failed, as cross-entropy does where its gradient vanishes.
#pragma once

#include "apps/experiment/measure.h"
#include "apps/run/fields.h"
#include "apps/run/json_fields.h"

namespace kelvin {

struct MeasureRequest {
  std::vector<std::string> kinds = {"clean", "corrupt", "attacks", "worst", "geometry"};
  std::int64_t test_limit = 0;  // images of `clean`; 0: the whole test set
  std::int64_t attack_limit = 500, worst_limit = 500, corrupt_limit = 1000, geometry_limit = 2000, audit_limit = 100;
  std::int64_t targeted_limit = 1000, distance_limit = 200;
  std::vector<int> severities = {3};  // of the corruptions; the first one is that of the column `corrupted`
  float eps = 8.0f / 255.0f, step = 2.0f / 255.0f;
  int steps = 20;
  std::string worst_attack = "autoattack";  // only the worst case supports a claim of robustness
  std::uint64_t seed = 0;                   // of attacks and corruptions: the same images for every cell
  std::optional<DType> precision = {};      // none: that of the training
  Which checkpoint = Which::last;           // best: the epoch that `select-by` of the training kept
  bool held_out = false;  // on the images that the training held out (`validation`), not on the test half
};

[[nodiscard]] Fields measure_fields(MeasureRequest& request);  // all but kinds, test_limit and seed
void check_request(const MeasureRequest& request);             // throws a mistake for unknown names and limits below 0
[[nodiscard]] Json to_json(const MeasureRequest& request);
[[nodiscard]] MeasureRequest measure_request_from(const JsonFields& fields);  // throws a mistake if it is damaged

// The list for `measure`: all measurements once, then attacks (and clean) again for each logit scale.
[[nodiscard]] std::vector<Measurement> measurements_of(const MeasureRequest& request,
                                                       const std::vector<double>& logit_scales);

}  // namespace kelvin
