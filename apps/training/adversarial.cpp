#include "apps/training/adversarial.h"

namespace kelvin {

using Kind = AdversarialOptions::Kind;

AdversarialOptions usual_adversarial_options(Kind kind) {
  AdversarialOptions o;
  o.kind = kind;
  if (kind == Kind::trades || kind == Kind::mart) {
    o.eps = 0.031f;
    o.step = 0.007f;
  }
  return o;
}

namespace {

const std::vector<Named<Kind>> kObjectives = {
    {"none", Kind::none}, {"pgd", Kind::pgd}, {"trades", Kind::trades}, {"mart", Kind::mart}};

}  // namespace

Kind adversarial_of(const std::string& name) { return named("adversarial", kObjectives, name); }
std::string name_of(Kind kind) { return name_in(kObjectives, kind); }

Fields adversarial_fields(AdversarialOptions& o) {
  const Range tau = at_least(0);  // 0: the training temperature
  return group(
      "Adversarial training",
      {basic(field("adversarial", o.kind, kObjectives, "Adversarial training: none, pgd, trades or mart")),
       basic(field("adversarial-steps", o.steps, at_least(1), "Of the inner attack")),
       field("adversarial-loss", o.loss, attack_losses(),
             "Loss of the inner attack: " + listed(attack_losses(), &Named<AttackLoss>::name) +
                 "; default: ce; for trades the KL term"),
       basic(field("inner-tau", o.inner_tau, tau, "Temperature inside the inner attack; 0: the training temperature")),
       field("inner-batch-norm", o.batch_norm, {{"eval", Mode::eval}, {"train", Mode::train}},
             "BatchNorm's mode in the inner attack: eval or train"),
       field("trades-beta", o.trades_beta, at_least(0), "Weight of TRADES' KL term (1/lambda in its paper)"),
       field("mart-lambda", o.mart_lambda, at_least(0), "Weight of MART's KL term"),
       field("kl-tau", o.kl_tau, tau, "trades, mart: temperature of p(x) in the KL term; 0: the training temperature"),
       field("kl-adversarial-tau", o.kl_adversarial_tau, tau, "The same of p(x')"),
       field("balance-tau", o.balance_tau,
             "Minimise tau*CE + beta*tau_kl*tau_kl'*KL: gradients that do not shrink as tau grows"),
       field("awp", o.awp_gamma, at_least(0),
             "Adversarial weight perturbation: gamma, 0.01 for pgd, 0.005 for trades; 0: off"),
       field("awp-warmup", o.awp_warmup, at_least(0), "Epochs without it at the start")});
}

void check_options(const AdversarialOptions& options) {
  AdversarialOptions o = options;
  check(adversarial_fields(o));
  require_in("adversarial-eps", at_least(0), static_cast<double>(o.eps), exact(o.eps));
  require_in("adversarial-step", at_least(0), static_cast<double>(o.step), exact(o.step));
  if (o.awp_gamma > 0 && !o.is_on()) throw mistake("awp"_field, " needs ", "adversarial"_field, " pgd, trades or mart");
  if ((o.kl_tau > 0 || o.kl_adversarial_tau > 0) && o.kind != Kind::trades && o.kind != Kind::mart)
    throw mistake("kl-tau"_field, " and ", "kl-adversarial-tau"_field, " need ", "adversarial"_field,
                  " trades or mart: the others have no KL term");
}

Json to_json(const AdversarialOptions& o) {
  const auto tau = [](double value) { return value > 0 ? Json(value) : Json("training"); };
  const bool has_kl = o.kind == Kind::trades || o.kind == Kind::mart;
  Json json = {{"eps", o.eps},
               {"step", o.step},
               {"steps", o.steps},
               {"inner_loss", o.loss                   ? name_of(*o.loss)
                              : o.kind == Kind::trades ? "kl"
                                                       : "ce"},
               {"inner_tau", tau(o.inner_tau)},
               {"inner_batch_norm", o.batch_norm == Mode::train ? "train" : "eval"},
               {"balance_tau", o.balance_tau},
               {"awp", o.awp_gamma}};
  if (o.awp_gamma > 0) json["awp_warmup"] = o.awp_warmup;
  if (has_kl) {
    json["kl_tau"] = tau(o.kl_tau);
    json["kl_adversarial_tau"] = tau(o.kl_adversarial_tau);
    json[o.kind == Kind::trades ? "trades_beta" : "mart_lambda"] =
        o.kind == Kind::trades ? o.trades_beta : o.mart_lambda;
  }
  return json;
}

}  // namespace kelvin
