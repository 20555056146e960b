#include "apps/attacks/settings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "apps/attacks/known_attacks.h"
#include "kernels/device/exact.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

const std::vector<Named<Targeting>> kTargeting = {{"none", Targeting::none},
                                                  {"random", Targeting::random},
                                                  {"least-likely", Targeting::least_likely},
                                                  {"second-most-likely", Targeting::second_most_likely},
                                                  {"all", Targeting::all}};

std::string formatted(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

Fields attack_fields(AttackOptions& o) {
  Field targeted =
      field("targeted", o.targeting, kTargeting,
            "none, random, least-likely, second-most-likely, all (worst case over the other classes) or a class");
  targeted.set = [&o](const std::string& text) {
    const auto known = std::ranges::find(kTargeting, text, &Named<Targeting>::name);
    std::int64_t target = 0;
    if (known != kTargeting.end()) {
      o.targeting = known->value;
    } else if (read_whole(text, target).empty() && std::abs(target) <= kMostClasses) {
      o.targeting = Targeting::fixed;
      o.target_class = static_cast<int>(target);
    } else {
      throw mistake("targeted"_field, " ", text, ": expected ", listed(kTargeting, &Named<Targeting>::name),
                    " or a class number");
    }
  };
  targeted.text = [&o] {
    return o.targeting == Targeting::fixed ? exact(o.target_class) : std::string(name_of(o.targeting));
  };
  return {basic(field("attack", o.attack, attack_names(), listed(attack_names()))),
          basic(field("norm", o.norm, norms(), "linf or l2")),
          basic(with_computed_default(
              field("eps", o.eps, at_least(0), "Radius of the ball, pixels in [0, 1]; default: 8/255, in L2 0.5"))),
          basic(field("loss", o.loss, attack_losses(),
                      listed(attack_losses(), &Named<AttackLoss>::name) +
                          "; of fgsm, pgd, mifgsm, apgd-ce, autoattack's first member")),
          basic(field("attack-tau", o.attack_tau, above(0), "Temperature inside the attack's loss")),
          basic(targeted),
          field("eval-tau", o.eval_tau, above(0), "Recorded; cannot change a prediction")};
}

Fields own_fields(AttackOptions& o) { return known_attack(o.attack, o.norm).own(o); }

Fields all_own_fields(AttackOptions& o) {
  Fields all;
  for (const KnownAttack& attack : known_attacks())
    for (const Field& f : attack.own(o))
      if (find(all, f.name) == nullptr) all.push_back(f);
  return all;
}

void set_own(AttackOptions& o, const std::map<std::string, std::string>& texts) {
  const Fields own = own_fields(o);
  for (const auto& [name, text] : texts) {
    require_taken(name, o.attack, o.norm);
    find(own, name)->set(text);
  }
}

const char* name_of(Targeting t) {
  for (const Named<Targeting>& known : kTargeting)
    if (known.value == t) return known.name;
  return "fixed";
}

float usual_eps(Norm norm) { return norm == Norm::l2 ? 0.5f : 8.0f / 255.0f; }

void require_radius(float eps, Norm norm) {
  if (norm == Norm::linf && eps > 1)
    throw mistake("eps"_field, " ", exact(eps), ": pixels are in [0, 1]; ", eps, "/255 was meant?");
}

bool takes(const std::string& name, const std::string& attack, Norm norm) {
  const auto reads = [&](const KnownAttack& a) {
    AttackOptions o;
    return std::ranges::count(a.common, name) > 0 || find(a.own(o), name) != nullptr;
  };
  return reads(known_attack(attack, norm)) || std::ranges::none_of(known_attacks(), reads);
}

void require_taken(const std::string& name, const std::string& attack, Norm norm) {
  if (takes(name, attack, norm)) return;
  std::string others;
  for (const std::string& other : attack_names())
    for (const Norm n : {norm, norm == Norm::l2 ? Norm::linf : Norm::l2})
      if (takes(name, other, n)) {
        others += str(others.empty() ? "" : ", ", other, n == norm ? "" : n == Norm::l2 ? " in L2" : " in L-infinity");
        break;
      }
  throw mistake(FieldName{name}, ": ", attack, " has no use for it; it belongs to ", others);
}

std::string reach_warning(const AttackOptions& o) {
  if (!takes("step", o.attack, o.norm)) return "";
  const float step = own_value(o, "step", usual_step(o.eps));
  const int steps = own_value(o, "steps", 1);
  const double reach = steps * static_cast<double>(step), eps = static_cast<double>(o.eps);
  if (reach >= eps * (1 - 1e-5)) return "";
  return str(o.attack, ": ", steps, " steps of ", step, " go ", reach, " far, less than eps ", o.eps,
             ": the ball's edge is out of reach, and the figure says little");
}

// A short decimal if it gives the same float, else a whole number of 255ths if it is one.
std::string file_text(float value) {
  const std::string decimal = formatted("%.3g", static_cast<double>(value));
  if (std::strtof(decimal.c_str(), nullptr) == value) return decimal;
  const float pixels = std::round(value * 255);
  if (pixels / 255 == value) return formatted("%.0f", static_cast<double>(pixels)) + "of255";
  return formatted("%.6g", static_cast<double>(value));
}

std::string unusual_settings(const AttackOptions& options) {
  AttackOptions o = options, usual;
  usual.attack = o.attack;
  usual.norm = o.norm;
  std::string text;
  if (o.eps != usual_eps(o.norm)) text += "-eps" + file_text(o.eps);
  const Fields own = own_fields(o), usual_own = own_fields(usual);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Field& f = own[i];
    if (f.text() == usual_own[i].text() || f.name == "version") continue;
    if (f.name == "step" && f.json().get<float>() == usual_step(o.eps)) continue;
    const std::string name = f.name == "search-steps" ? "search" : f.name == "cw-lr" ? "lr" : f.name;
    text += "-" + name + (f.is_switch() ? "" : f.type == "FLOAT" ? file_text(f.json().get<float>()) : f.text());
  }
  if (o.seed != usual.seed) text += str("-seed", o.seed);
  return text;
}

nlohmann::json settings_json(const AttackOptions& options) {
  AttackOptions o = options;
  std::vector<std::string> names = {"attack", "norm", "eps"};
  if (takes("loss", o.attack, o.norm)) names.insert(names.end(), {"loss", "attack-tau"});
  if (o.targeting != Targeting::none) names.emplace_back("targeted");
  nlohmann::json json = to_json(only(attack_fields(o), names));
  json.update(to_json(own_fields(o)));
  json["seed"] = o.seed;
  if (takes("step", o.attack, o.norm)) json["step"] = own_value(o, "step", usual_step(o.eps));
  if (takes("no-random-start", o.attack, o.norm)) {
    json.erase("no_random_start");
    json["random_start"] = o.attack != "fgsm" && own_value(o, "no-random-start", true);  // the member's value
  }
  if (o.attack == "fgsm") json["step"] = o.eps;
  return json;
}

std::string title_of(const AttackOptions& o) {
  const std::string title = known_attack(o.attack, o.norm).title;
  if (takes("version", o.attack, o.norm)) return title + " " + o.autoattack.version;
  if (takes("queries", o.attack, o.norm)) return str(title, ", ", own_value(o, "queries", 0), " queries");
  const std::string targeted = o.targeting == Targeting::none    ? ""
                               : o.targeting == Targeting::fixed ? str(", targeted ", o.target_class)
                                                                 : str(", targeted ", name_of(o.targeting));
  const std::string steps = takes("steps", o.attack, o.norm) ? str(own_value(o, "steps", 0)) : "";
  if (!takes("loss", o.attack, o.norm)) return str(title, ", ", steps, " steps", targeted);
  const std::string tau = o.loss == AttackLoss::margin ? "" : str(", attack τ = ", o.attack_tau);
  return str(title, steps.empty() ? "" : "-" + steps, ", ", name_of(o.loss), targeted, tau);
}

}  // namespace kelvin
