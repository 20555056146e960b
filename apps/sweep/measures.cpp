#include "apps/sweep/measures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "apps/attacks/settings.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr std::array kKinds = {"clean", "corrupt", "pgd", "attacks", "worst", "geometry", "audit"};
constexpr int kMarginSteps = 30;  // C&W in L∞ as the adversarial-training literature runs it: step ε/4

Measurement plain(Measurement::Kind kind, std::int64_t limit, double scale) {
  Measurement m;
  m.kind = kind;
  m.limit = limit;
  m.logit_scale = scale;
  return m;
}

AttackOptions base_attack(const MeasureRequest& r) {
  AttackOptions a;
  a.eps = r.eps;
  a.step = r.step;
  a.steps = r.steps;
  a.seed = r.seed;
  return a;
}

Measurement margin_attack(const MeasureRequest& r) {
  Measurement m = plain(Measurement::Kind::attack, r.attack_limit, 1);
  m.name = "cw";
  m.attack = base_attack(r);
  m.attack.attack = "cw";
  m.attack.loss = AttackLoss::margin;
  m.attack.steps = kMarginSteps;
  m.attack.step = usual_step(r.eps);
  return m;
}

Measurement worst_case(const MeasureRequest& r, double scale) {
  Measurement m = plain(Measurement::Kind::worst_case, r.worst_limit, scale);
  m.attack = base_attack(r);
  m.attack.attack = r.worst_attack;
  m.attack.steps = usual_steps(r.worst_attack, Norm::linf);
  return m;
}

// The measurements of one kind on logits multiplied by `scale`; nothing for kinds that losses do not enter when scale is not 1.
std::vector<Measurement> of_kind(const std::string& kind, const MeasureRequest& r, double scale) {
  if (kind == "clean") return {plain(Measurement::Kind::clean, r.test_limit, scale)};
  if (kind == "worst") return {worst_case(r, scale)};
  if (kind == "pgd" || kind == "attacks") {
    std::vector<Measurement> list = three_losses(base_attack(r), r.attack_limit);
    if (kind == "pgd")
      list.erase(list.begin() + 1);
    else
      list.insert(list.begin() + 1, margin_attack(r));
    for (Measurement& m : list) m.logit_scale = scale;
    return list;
  }
  if (scale != 1) return {};
  if (kind == "corrupt") {
    Measurement m = plain(Measurement::Kind::corruptions, r.corrupt_limit, 1);
    m.severity = r.severity;
    m.seed = r.seed;
    return {m};
  }
  if (kind == "geometry") return {plain(Measurement::Kind::geometry, r.geometry_limit, 1)};
  Measurement m = plain(Measurement::Kind::audit, r.audit_limit, 1);
  m.attack = base_attack(r);
  return {m};
}

}  // namespace

void check_request(const MeasureRequest& r) {
  for (const std::string& kind : r.kinds)
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
      throw mistake("measure"_field, " ", kind, " is unknown; known: ", listed(kKinds));
  const auto has = [&](const char* kind) { return std::find(r.kinds.begin(), r.kinds.end(), kind) != r.kinds.end(); };
  if (has("pgd") && has("attacks")) throw mistake("measure"_field, ": attacks holds pgd; name one of them");
  const std::vector<std::string> attacks = attack_names();
  if (std::find(attacks.begin(), attacks.end(), r.worst_attack) == attacks.end())
    throw mistake("worst-attack"_field, " ", r.worst_attack, " is unknown; known: ", listed(attacks));
  for (const auto& [flag, limit] :
       {std::pair("test-limit"_field, r.test_limit), std::pair("attack-limit"_field, r.attack_limit),
        std::pair("worst-limit"_field, r.worst_limit), std::pair("corrupt-limit"_field, r.corrupt_limit),
        std::pair("geometry-limit"_field, r.geometry_limit), std::pair("audit-limit"_field, r.audit_limit)})
    if (limit < 0) throw mistake(flag, " must be 0 (all images) or more, got ", limit);
  if (r.severity < 1 || r.severity > 5) throw mistake("severity"_field, " must be 1 to 5, got ", r.severity);
  for (const auto& [flag, size] : {std::pair("eps"_field, r.eps), std::pair("step"_field, r.step)})
    if (!(size >= 0) || !std::isfinite(size)) throw mistake(flag, " must be 0 or more, got ", size);
  require_radius(r.eps, Norm::linf);
  if (r.steps < 1) throw mistake("steps"_field, " must be at least 1, got ", r.steps);
}

Json to_json(const MeasureRequest& r) {
  return {{"kinds", r.kinds},
          {"test_limit", r.test_limit},
          {"attack_limit", r.attack_limit},
          {"worst_limit", r.worst_limit},
          {"corrupt_limit", r.corrupt_limit},
          {"geometry_limit", r.geometry_limit},
          {"audit_limit", r.audit_limit},
          {"severity", r.severity},
          {"eps", r.eps},
          {"step", r.step},
          {"steps", r.steps},
          {"worst_attack", r.worst_attack},
          {"seed", r.seed}};
}

MeasureRequest measure_request_from(const JsonFields& f) {
  constexpr std::int64_t kMostImages = std::numeric_limits<std::int64_t>::max();
  constexpr int kMost = std::numeric_limits<int>::max();
  MeasureRequest r;
  r.kinds = f.texts("kinds");
  r.test_limit = f.integer("test_limit", 0, kMostImages);
  r.attack_limit = f.integer("attack_limit", 0, kMostImages);
  r.worst_limit = f.integer("worst_limit", 0, kMostImages);
  r.corrupt_limit = f.integer("corrupt_limit", 0, kMostImages);
  r.geometry_limit = f.integer("geometry_limit", 0, kMostImages);
  r.audit_limit = f.integer("audit_limit", 0, kMostImages);
  r.severity = static_cast<int>(f.integer("severity", 1, 5));
  r.eps = static_cast<float>(f.number("eps"));
  r.step = static_cast<float>(f.number("step"));
  r.steps = static_cast<int>(f.integer("steps", 1, kMost));
  r.worst_attack = f.text("worst_attack");
  r.seed = f.seed("seed");
  check_request(r);
  return r;
}

std::vector<Measurement> measurements_of(const MeasureRequest& r, const std::vector<double>& logit_scales) {
  std::vector<Measurement> list;
  std::vector<double> scales = {1};
  scales.insert(scales.end(), logit_scales.begin(), logit_scales.end());
  for (const double scale : scales)
    for (const char* kind : kKinds)  // in this order: the worst case builds on the attacks
      if (std::find(r.kinds.begin(), r.kinds.end(), kind) != r.kinds.end())
        for (const Measurement& m : of_kind(kind, r, scale)) list.push_back(m);
  return list;
}

}  // namespace kelvin
