// Can the robustness under plain PGD be believed? A list of checks; each has figures, a rule and a verdict. Plain PGD is PGD on float32
// cross-entropy at attack τ = 1, as papers report it. It can fail in two ways, and they have two names:
//
//   masked       the gradient vanished, so that the attack did not run
//   weak attack  gradients are there, but another loss, temperature or effort finds more
//
// The result is a verdict, one sentence and three columns:
//
//   paper-faithful   plain PGD
//   sound            the same attack on losses and attack temperatures that do not saturate, per-image minimum
//   worst case       per-image minimum over all attacks of the audit, AutoAttack included
//
// Only the worst case supports a claim of robustness; paper-faithful minus worst case is the attack gap. Checks follow Athalye et al. 2018
// (1802.00420), Carlini et al. 2019 (1902.06705) and Croce & Hein 2020 (2003.01690). Passing all of them is no proof.
//
// Rules are tests on the same images (paired_tests.h): an effect counts if it is larger than an honest model's and than chance. The level is
// divided among the checks, and in a check among its comparisons, so that an honest model gets a verdict with probability at most
// kVerdictLevel. AUDIT.md has the measured rates. Deterministic by seed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/attacks/attack.h"
#include "apps/run/run_folder.h"

namespace kelvin {

// A model trained at τ = 1 on the same data, to transfer attacks from.
struct AuditTwin {
  std::string name;
  Model* model = nullptr;
};

struct AuditOptions {
  // Norm, ε, seed and batch size of every attack, and the `pgd` options of all attacks that step along the gradient. The audit chooses the rest.
  AttackOptions attack;
  int queries = 5000;  // of Square, alone and in AutoAttack
  double train_tau = 1;
  std::vector<AuditTwin> twins = {};         // may be empty
  int random_points = 10000;                 // around each image of the random search
  int long_restarts = 10, long_steps = 100;  // of log-odds PGD on the images that withstood everything else
};

[[nodiscard]] Fields audit_fields(AuditOptions& options);

enum class Verdict {
  passes,
  weak_attack,
  masked,
  failed_harness,  // the audit contradicts itself
  figure,          // has no rule: its figures explain other checks
  not_run
};

// One comparison of a check with plain PGD, or the count of the images with a property (is_share).
struct AuditComparison {
  std::string name;
  bool is_share = false;
  std::int64_t images = 0;  // n
  std::int64_t alone = 0,
               other = 0;  // b: broken by the attack of this name alone, or having the property; c: by plain PGD alone
  std::int64_t saturated = 0;  // of the b images; see Auditor
  double size = 0;             // the share that an honest model may reach
  double p = 1, level = 0;
  [[nodiscard]] bool is_beyond_chance() const { return p <= level; }
};

struct AuditCheck {
  std::string name;
  std::string figures;  // what was measured, as text
  std::string rule;     // the condition for a verdict other than `passes`
  Verdict verdict = Verdict::passes;
  Json values;
  std::vector<AuditComparison> comparisons = {};
};

// One attack of the audit as it ran.
struct AuditAttack {
  AttackOptions options;
  std::string on;             // what it ran on, if not on the model as it is: "logits x 5", "the model in bfloat16"
  bool counts = false;        // towards the worst case
  std::int64_t attacked = 0;  // images
  std::int64_t left = 0;      // of these, right afterwards
  std::vector<MemberSummary> members = {};
};

// One image after all attacks.
struct AuditedImage {
  std::int32_t label = 0, prediction = 0;
  float margin = 0;                // z_y − max_{j≠y} z_j
  bool has_zero_gradient = false;  // of plain PGD's loss, at the image or at a random start
  bool is_saturated = false;       // see auditor.h
  bool is_left_by_plain = false;   // right after plain PGD
  int first_broken_by = -1;        // index in Audit::attacks, of those that count; −1: by none, or wrong without any
  int times_broken = 0;            // by how many of them
  [[nodiscard]] bool is_correct() const { return prediction == label; }
  [[nodiscard]] bool is_robust() const { return is_correct() && times_broken == 0; }
};

struct Audit {
  std::vector<AuditCheck> checks;
  std::vector<AuditAttack> attacks;  // in the order in which they ran
  std::vector<AuditedImage> images;
  std::int64_t n = 0;
  double clean_accuracy = 0, paper_faithful = 0, sound = 0, worst_case = 0;
  double autoattack = 0;  // AutoAttack alone
  double median_margin = 0, train_tau = 1;
  Norm norm = Norm::linf;
  double eps = 0, step = 0;
  int steps = 0;
  std::string certificate;  // of the check "inversion"; empty if it passed
  std::vector<std::string> warnings;
  [[nodiscard]] double attack_gap() const { return paper_faithful - worst_case; }
  [[nodiscard]] bool is_masked() const;
  // The verdict of the whole: "masked" if a check says so, else "weak attack" if one says so, else "no sign".
  [[nodiscard]] std::string verdict() const;
  [[nodiscard]] std::string sentence() const;
  // The smallest difference between two attacks that a check with one comparison can tell from chance and from 2 points, as a share.
  [[nodiscard]] double smallest_difference() const;
};

inline constexpr double kVerdictLevel = 0.05;
inline constexpr int kVerdictChecks = 20;  // checks that can say "masked" or "weak attack", at most
inline constexpr double kCheckLevel = kVerdictLevel / kVerdictChecks;

inline constexpr int kAuditChecks = 19;  // how often `progress` is called; includes transfer without a twin

// Multiplies logits for some checks and restores the prototypes bit for bit afterwards, even after an exception.
[[nodiscard]] Audit audit(Model& model, const ImageSet& set, const AuditOptions& options,
                          const std::function<void(const std::string& check)>& progress = {});

[[nodiscard]] const char* name_of(Verdict verdict);  // "passes", "weak attack", "masked", "harness failed", ...
[[nodiscard]] Json to_json(const Audit& audit);

}  // namespace kelvin
