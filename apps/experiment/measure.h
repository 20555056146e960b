// The measurements on one trained model: a list, each of which writes results/NAME.json into the run folder. The quickstart and every cell of
// a sweep use these measurements, so that their figures are comparable.
//
// A result holds the settings that produced it (key "settings"). A measurement whose result exists with the same settings is not repeated.
// An attack that differs from an earlier one of the list in its name alone gets a copy of its result.
// Results also hold one flag for each image (key "correct", a string of 0 and 1: correct, or still robust), for paired tests on the same
// images.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/attacks/attack.h"
#include "apps/run/run_folder.h"
#include "data/dataset.h"

namespace kelvin {

struct Measurement {
  enum class Kind {
    clean,        // results/evaluate
    corruptions,  // results/corrupt, or corrupt-NAME: every corruption of the benchmark at one severity
    attack,       // results/attack-NAME
    worst_case,   // results/worst-case: `attack` on the images that are robust against all earlier attacks of the list
    geometry,     // results/geometry
    audit,        // results/audit
    distance,     // results/boundary-distance: how far away the images are that `attack` finds (boundary_distance.h)
    gradients,    // results/gradients-train-tau: gradients and shares α of the loss at the training τ
    gradient_study  // results/gradients: the same at the usual loss temperatures, as `kelvin gradients` makes them
  };
  Kind kind = Kind::clean;
  std::string name;  // of an attack, e.g. "pgd-log-odds"
  AttackOptions attack;
  bool attacks_at_train_tau = false;  // attack.attack_tau is then the training τ
  int severity = 3;
  std::uint64_t seed = 0;                     // of corruptions; an attack has its own
  std::int64_t limit = 0;                     // the first N test images; 0: all
  std::optional<DType> precision = {};        // of the model, if it is not that of the training; recorded
  bool held_out = false;                      // the images of `data.test` are held-out training images
  int queries = 5000, random_points = 10000;  // of an audit (AuditOptions)
  double logit_scale =
      1;  // factor of the logits: changes losses, not the classification. If it is not 1, the result's name contains it
};

// The paper's attack and the same attack with losses that do not saturate: "pgd-ce-tau1", "pgd-ce-tau-train", "pgd-log-odds".
// `base` gives ε, step, steps and seed.
[[nodiscard]] std::vector<Measurement> three_losses(const AttackOptions& base, std::int64_t limit);

// Name of the result file, without .json.
[[nodiscard]] std::string result_name(const Measurement& m);

// `progress(stage, done, total, note)` names the present measurement; may be empty.
using StageProgress =
    std::function<void(const std::string& stage, std::int64_t done, std::int64_t total, const std::string& note)>;

// Runs the list in order on the test half of `data` and writes each result. The model's logits are restored bit for bit.
void measure(Model& model, double train_tau, const std::vector<Measurement>& list, const Dataset& data,
             const RunFolder& folder, const StageProgress& progress);

[[nodiscard]] std::string bits_text(const std::vector<std::uint8_t>& bits);        // "1011"
[[nodiscard]] std::vector<std::uint8_t> bits_from(const std::string& text);        // the inverse
[[nodiscard]] Json read_result(const RunFolder& folder, const std::string& name);  // null when absent or damaged

}  // namespace kelvin
