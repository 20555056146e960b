// The implementation of the audit: one method for each check, in the order in which they run. Only audit*.cpp use it.
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

  // audit_gradients.cpp: does cross-entropy have a gradient?
  void saturation();
  void attack_temperatures();
  void losses();
  void rescaled_logits();
  void targets();
  void loss_by_step();

  // audit_search.cpp: does more effort, or another kind of search, find more?
  void one_step();
  void eps_curve();
  void convergence();
  void random_points();
  void square();
  void transfer();
  void autoattack();
  void known_broken_model();

  [[nodiscard]] AttackOptions pgd(AttackLoss loss, double tau = 1) const;
  // Attacks and adds the outcome to the minima, except for attacks at another ε or on another model.
  AttackResult attacked(const AttackOptions& options, Counts counts = Counts::towards_sound_and_worst);
  void check(const std::string& name, const std::string& figures, const std::string& rule, bool is_masked, Json values);
  void not_run(const std::string& name, const std::string& reason);
  void begin(const char* name) const;

  Model& model_;
  const ImageSet& set_;
  const AuditOptions& o_;
  const std::function<void(const std::string&)>& say_;
  Audit a_;
  Robust worst_, sound_;  // correctly classified after all attacks so far
  Robust left_by_ce_;     // after PGD on float32 cross-entropy
  double ce_ = 0, log_odds_ = 0, margin_ = 0;
};

namespace audit_text {
[[nodiscard]] double share(const std::vector<std::uint8_t>& robust);
}  // namespace audit_text

constexpr double kPoints = 0.02;  // two points: the largest drop that another loss may cause
constexpr double kHalfAPoint = 0.005;

}  // namespace kelvin
