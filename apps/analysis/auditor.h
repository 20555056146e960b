// The implementation of the audit: one method for each check, in the order in which they run. Only audit*.cpp use it.
//
// An image is saturated if its label leads by more than 17, where float32 cross-entropy loses the label's term, or if its gradient is exactly
// zero. Where another attack is stronger, the images that it alone breaks tell why: mostly saturated ones, and the verdict is `masked`; else
// plain PGD had gradients, and is a weak attack.
#pragma once

#include <string>
#include <vector>

#include "apps/analysis/audit.h"
#include "apps/evaluation/percent.h"

namespace kelvin {

class Auditor {
 public:
  Auditor(Model& model, const ImageSet& set, const AuditOptions& options,
          const std::function<void(const std::string&)>& say);
  [[nodiscard]] Audit run();

 private:
  using Robust = std::vector<std::uint8_t>;  // one flag for each image
  enum class Counts { towards_worst, towards_sound_and_worst, nowhere };
  // What a difference beyond chance means.
  enum class Means { masked, weak_attack, as_saturated };

  // audit_gradients.cpp: does cross-entropy have a gradient?
  void saturation();
  void restart_noise();
  void loss_by_step();

  // audit_losses.cpp: does the same attack on another loss find more?
  void attack_temperatures();
  void losses();
  void rescaled_logits();
  void inversion();
  void targets();

  // audit_search.cpp: does more effort, or another kind of search, find more?
  void one_step();
  void eps_curve();
  void convergence();
  void long_attack();
  void random_points();
  void square();
  void autoattack();

  // audit_models.cpp: other models and precisions, and whether the harness itself works
  void transfer();
  void precision();
  void known_broken_model();

  [[nodiscard]] AttackOptions pgd(AttackLoss loss, double tau = 1) const;
  // Attacks and adds the outcome to the minima, except for attacks at another ε or on another model. `on`: AuditAttack::on.
  AttackResult attacked(const AttackOptions& options, Counts counts = Counts::towards_sound_and_worst,
                        const std::string& on = "");
  // The flags of `attacked`.
  Robust left_by(const AttackOptions& options, Counts counts = Counts::towards_sound_and_worst,
                 const std::string& on = "");
  // Adds an attack that ran on the images at `rows` to the audit's list, and to each image that it broke.
  AuditAttack& note(const AttackOptions& options, Counts counts, const std::string& on,
                    const std::vector<std::int64_t>& rows, const Robust& left);
  // Attacks only the images at `rows`. One flag for each image of the set: broken; those do not count in the worst case any more.
  Robust broken_among(const std::vector<std::int64_t>& rows, const AttackOptions& options);
  // The factor of the logits that makes the median lead 5.
  [[nodiscard]] float usual_scale() const;

  // An attack that leaves `left`, against one that leaves `left_by_plain`.
  [[nodiscard]] AuditComparison paired(const std::string& name, const Robust& left_by_plain, const Robust& left,
                                       double size) const;
  // The marked images among n.
  [[nodiscard]] AuditComparison share_of(const std::string& name, const Robust& marked, std::int64_t n,
                                         double size) const;
  // Computes the p of each comparison and adds the check. `rule` is what the comparisons must show; their threshold follows it.
  AuditCheck& judge(const std::string& name, const std::string& figures, const std::string& rule, Means means,
                    std::vector<AuditComparison> comparisons, Json values);
  // For checks of the harness: whether the comparison is beyond chance at the level of a whole check.
  [[nodiscard]] static bool fails(const AuditComparison& comparison);
  void not_run(const std::string& name, const std::string& reason);
  void begin(const char* name) const;

  Model& model_;
  const ImageSet& set_;
  const AuditOptions& o_;
  const std::function<void(const std::string&)>& say_;
  Audit a_;
  std::vector<std::int64_t> all_rows_;
  Robust worst_, sound_;                                           // correctly classified after all attacks so far
  Robust clean_, left_by_ce_, left_by_log_odds_, left_by_margin_;  // by plain PGD, and by PGD on other losses
  Robust saturated_;
  double ce_ = 0;  // share left by plain PGD
};

namespace audit_text {
using Flags = std::vector<std::uint8_t>;
[[nodiscard]] double share(const Flags& flags);
[[nodiscard]] std::int64_t count(const Flags& flags);
[[nodiscard]] Flags both(const Flags& a, const Flags& b);
[[nodiscard]] Flags robust_images(const AttackResult& result);
[[nodiscard]] std::string scaled_text(double factor);  // "logits x 5", for AuditAttack::on
}  // namespace audit_text

constexpr double kPoints = 0.02;  // two points: what attacks on an honest model differ by

}  // namespace kelvin
