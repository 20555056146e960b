// Options of adversarial training: the objective, its inner attack, its temperatures, and the perturbation of the weights.
//
//   pgd     min_θ CE(z(x')/τ, y)                                          Madry et al. 2018, 1706.06083
//   trades  min_θ CE(z(x)/τ, y) + β KL(p(x) ‖ p(x'))                      Zhang et al. 2019, 1901.08573
//   mart    min_θ BCE(z(x'), y) + λ KL(p(x) ‖ p(x')) (1 − p_y(x))         Wang et al. 2020 (kernels/losses/mart_loss.h has the constants)
//
// Four temperatures are separate: τ_in of the inner attack, τ of the cross-entropy, and those of p(x) and p(x') in the KL term. With
// τ_in = 1 and a large τ the inner loss saturates, its gradient vanishes, and the model is trained on random noise; inner_attack.h logs the
// share of images whose gradient is zero.
#pragma once

#include <optional>
#include <string>

#include "apps/attacks/attack.h"
#include "apps/run/fields.h"
#include "apps/run/run_folder.h"
#include "models/model.h"

namespace kelvin {

struct AdversarialOptions {
  enum class Kind { none, pgd, trades, mart } kind = Kind::none;

  // The inner attack, in the L∞ ball.
  float eps = 8.0f / 255.0f, step = 2.0f / 255.0f;
  int steps = 10;
  std::optional<AttackLoss> loss = {};  // empty: cross-entropy; for trades the KL term
  double inner_tau = 0;                 // τ_in; 0: the training temperature; on trades' KL term its two temperatures
  // BatchNorm in the inner attack. eval: running statistics, as in TRADES and most recipes. train: the batch's statistics, and every inner
  // step updates the running statistics, as in Madry et al.
  Mode batch_norm = Mode::eval;

  // The outer objective.
  double trades_beta = 6, mart_lambda = 5;
  double kl_tau = 0, kl_adversarial_tau = 0;  // of p(x) and p(x'); 0: the training temperature
  // Uses τ·CE and τ_KL τ_KL'·KL instead of CE and KL. At high τ the gradient of CE shrinks like 1/τ and that of KL like 1/τ², so that without
  // these factors β and the learning rate change their meaning with τ.
  bool balance_tau = false;

  // Adversarial weight perturbation (Wu, Xia & Wang 2020, 2004.05884): γ, 0: off; and the epochs without it at the start.
  double awp_gamma = 0;
  int awp_warmup = 0;

  [[nodiscard]] bool is_on() const { return kind != Kind::none; }
};

// The ball and steps of the reference implementations: 8/255, 2/255, 10 for pgd; 0.031, 0.007, 10 for trades and mart.
[[nodiscard]] AdversarialOptions usual_adversarial_options(AdversarialOptions::Kind kind);

[[nodiscard]] AdversarialOptions::Kind adversarial_of(
    const std::string& name);  // none, pgd, trades, mart; throws: unknown
[[nodiscard]] std::string name_of(AdversarialOptions::Kind kind);

// All but the radius and the step, whose defaults depend on the objective.
[[nodiscard]] Fields adversarial_fields(AdversarialOptions& options);
void check_options(const AdversarialOptions& options);  // throws a mistake

// The numbers that the objective uses; "training" stands for a temperature that follows the training temperature.
[[nodiscard]] Json to_json(const AdversarialOptions& options);

}  // namespace kelvin
