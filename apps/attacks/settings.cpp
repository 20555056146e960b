#include "apps/attacks/settings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "apps/attacks/known_attacks.h"
#include "kernels/device/exact.h"

namespace kelvin {
namespace {

std::string printed(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

float usual_eps(Norm norm) { return norm == Norm::l2 ? 0.5f : 8.0f / 255.0f; }
float usual_step(float eps) { return eps / 4; }

void require_radius(float eps, Norm norm) {
  if (norm == Norm::linf && eps > 1)
    throw mistake("eps"_field, " ", exact(eps), ": pixels are in [0, 1]; ", eps, "/255 was meant?");
}

int usual_steps(const std::string& attack, Norm norm) { return known_attack(attack, norm).usual_steps; }

bool takes(const std::string& flag, const std::string& attack, Norm norm) {
  const auto reads = [&](const KnownAttack& a) { return std::ranges::count(a.flags, flag) > 0; };
  return reads(known_attack(attack, norm)) || std::ranges::none_of(known_attacks(), reads);
}

void require_taken(const std::string& flag, const std::string& attack, Norm norm) {
  if (takes(flag, attack, norm)) return;
  std::string others;
  for (const std::string& name : attack_names())
    for (const Norm n : {norm, norm == Norm::l2 ? Norm::linf : Norm::l2})
      if (takes(flag, name, n)) {
        others += str(others.empty() ? "" : ", ", name, n == norm ? "" : n == Norm::l2 ? " in L2" : " in L-infinity");
        break;
      }
  throw mistake(FieldName{flag}, ": ", attack, " has no use for it; it belongs to ", others);
}

std::string reach_warning(const AttackOptions& o) {
  if (!takes("step", o.attack, o.norm)) return "";
  const double reach = o.steps * static_cast<double>(o.step), eps = static_cast<double>(o.eps);
  if (reach >= eps * (1 - 1e-5)) return "";
  return str(o.attack, ": ", o.steps, " steps of ", o.step, " go ", reach, " far, less than eps ", o.eps,
             ": the ball's edge is out of reach, and the figure says little");
}

// The shorter decimal where it gives the same float, else 255ths where it is a whole number of them.
std::string file_text(float value) {
  const std::string decimal = printed("%.3g", static_cast<double>(value));
  if (std::strtof(decimal.c_str(), nullptr) == value) return decimal;
  const float pixels = std::round(value * 255);
  if (pixels / 255 == value) return printed("%.0f", static_cast<double>(pixels)) + "of255";
  return printed("%.6g", static_cast<double>(value));
}

std::string unusual_settings(const AttackOptions& o) {
  const AttackOptions usual;
  const auto has = [&](const char* flag) { return takes(flag, o.attack, o.norm); };
  std::string text;
  if (o.eps != usual_eps(o.norm)) text += "-eps" + file_text(o.eps);
  if (has("step") && o.step != usual_step(o.eps)) text += "-step" + file_text(o.step);
  if (has("steps") && o.steps != usual_steps(o.attack, o.norm)) text += str("-steps", o.steps);
  if (has("restarts") && o.restarts != usual.restarts) text += str("-restarts", o.restarts);
  if (has("queries") && o.queries != usual.queries) text += str("-queries", o.queries);
  if (has("targets") && o.targets != usual.targets) text += str("-targets", o.targets);
  if (has("decay") && o.decay != usual.decay) text += "-decay" + file_text(o.decay);
  if (has("search-steps") && o.search_steps != usual.search_steps) text += str("-search", o.search_steps);
  if (has("cw-lr") && o.learning_rate != usual.learning_rate) text += "-lr" + file_text(o.learning_rate);
  if (has("step") && o.attack != "mifgsm" && !o.random_start) text += "-no-random-start";
  if (o.last_iterate) text += "-last-iterate";
  if (o.seed != usual.seed) text += str("-seed", o.seed);
  return text;
}

std::string title_of(const AttackOptions& o) {
  const std::string title = known_attack(o.attack, o.norm).title;
  const auto has = [&](const char* flag) { return takes(flag, o.attack, o.norm); };
  if (has("version")) return title + " " + o.version;
  if (has("queries")) return str(title, ", ", o.queries, " queries");
  const std::string targeted = o.targeting == Targeting::none    ? ""
                               : o.targeting == Targeting::fixed ? str(", targeted ", o.target_class)
                                                                 : str(", targeted ", name_of(o.targeting));
  if (!has("loss")) return str(title, ", ", o.steps, " steps", targeted);
  const std::string tau = o.loss == AttackLoss::margin ? "" : str(", attack τ = ", o.attack_tau);
  return str(title, has("steps") ? str("-", o.steps) : "", ", ", name_of(o.loss), targeted, tau);
}

}  // namespace kelvin
