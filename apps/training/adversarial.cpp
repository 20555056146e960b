#include "apps/training/adversarial.h"

#include <cmath>

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

Kind adversarial_of(const std::string& name) {
  for (const Kind kind : {Kind::none, Kind::pgd, Kind::trades, Kind::mart})
    if (name == name_of(kind)) return kind;
  throw mistake("adversarial"_field, " ", name, " is unknown; known: none, pgd, trades, mart");
}

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::none: return "none";
    case Kind::pgd: return "pgd";
    case Kind::trades: return "trades";
    case Kind::mart: return "mart";
  }
  return "?";
}

void check_options(const AdversarialOptions& o) {
  for (const auto& [flag, size] :
       {std::pair("adversarial-eps"_field, o.eps), std::pair("adversarial-step"_field, o.step)})
    if (!(size >= 0) || !std::isfinite(size)) throw mistake(flag, " must be 0 or more, got ", size);
  if (o.steps < 1) throw mistake("adversarial-steps"_field, " must be at least 1, got ", o.steps);
  const auto check_tau = [](FieldName field, double tau) {
    if (!(tau >= 0) || !std::isfinite(tau))
      throw mistake(field, " must be > 0, or 0 for the training temperature, got ", tau);
  };
  check_tau("inner-tau"_field, o.inner_tau);
  check_tau("kl-tau"_field, o.kl_tau);
  check_tau("kl-adversarial-tau"_field, o.kl_adversarial_tau);
  if (!(o.trades_beta >= 0) || !std::isfinite(o.trades_beta))
    throw mistake("trades-beta"_field, " must be 0 or more, got ", o.trades_beta);
  if (!(o.mart_lambda >= 0) || !std::isfinite(o.mart_lambda))
    throw mistake("mart-lambda"_field, " must be 0 or more, got ", o.mart_lambda);
  if (!(o.awp_gamma >= 0) || !std::isfinite(o.awp_gamma))
    throw mistake("awp"_field, " must be 0 (off) or more, got ", o.awp_gamma);
  if (o.awp_warmup < 0) throw mistake("awp-warmup"_field, " must be 0 or more epochs, got ", o.awp_warmup);
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
