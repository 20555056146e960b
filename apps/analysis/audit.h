// Is the robustness real, or do gradients vanish? A list of checks of one mechanism: float32 cross-entropy has no gradient where the label's
// logit leads by much. Each check has figures, a rule and a verdict. The result is one sentence and three columns:
//
//   paper-faithful   PGD on float32 cross-entropy at attack τ = 1
//   sound            the same attack on losses and attack temperatures that do not saturate, per-image minimum
//   worst case       per-image minimum over all attacks of the audit, AutoAttack included
//
// Only the worst case supports a claim of robustness; paper-faithful minus worst case is the masking gap. Rules follow Athalye et al. 2018
// (1802.00420), Carlini et al. 2019 (1902.06705) and Croce & Hein 2020 (2003.01690). Passing all of them is no proof. Deterministic by seed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/attacks/attack.h"
#include "apps/run/run_folder.h"

namespace kelvin {

struct AuditOptions {
  // Norm, ε, seed and batch size of every attack, and the `pgd` options of all attacks that step along the gradient. The audit chooses the rest.
  AttackOptions attack;
  int queries = 5000;  // of Square, alone and in AutoAttack
  double train_tau = 1;
  Model* twin = nullptr;      // a model trained at τ = 1 on the same data, to transfer from; may be absent
  int random_points = 10000;  // around each image of the random search
};

[[nodiscard]] Fields audit_fields(AuditOptions& options);

enum class Verdict { passes, masked, failed_harness, not_run };

struct AuditCheck {
  std::string name;
  std::string figures;  // what was measured, as text
  std::string rule;     // the condition for the verdict `masked`
  Verdict verdict = Verdict::passes;
  Json values;
};

struct Audit {
  std::vector<AuditCheck> checks;
  std::int64_t n = 0;
  double clean_accuracy = 0, paper_faithful = 0, sound = 0, worst_case = 0;
  double median_margin = 0, train_tau = 1;
  Norm norm = Norm::linf;
  double eps = 0, step = 0;
  int steps = 0;
  std::vector<std::string> warnings;
  [[nodiscard]] double masking_gap() const { return paper_faithful - worst_case; }
  [[nodiscard]] bool is_masked() const;
  [[nodiscard]] std::string sentence() const;
};

inline constexpr int kAuditChecks = 14;  // how often `progress` is called; includes transfer without a twin

// Multiplies logits for some checks and restores the prototypes bit for bit afterwards, even after an exception.
[[nodiscard]] Audit audit(Model& model, const ImageSet& set, const AuditOptions& options,
                          const std::function<void(const std::string& check)>& progress = {});

[[nodiscard]] const char* name_of(Verdict verdict);  // "passes", "masked", "harness failed", "not run"
[[nodiscard]] Json to_json(const Audit& audit);

}  // namespace kelvin
