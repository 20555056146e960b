#include "apps/sweep/measures.h"

#include <algorithm>
#include <array>
#include <limits>

#include "apps/attacks/settings.h"
#include "apps/experiment/boundary_distance.h"
#include "apps/run/precisions.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

// In the order of measurement: the worst case builds on the attacks before it.
constexpr std::array kKinds = {"clean",    "corrupt", "pgd",      "attacks",  "worst",
                               "geometry", "audit",   "targeted", "distance", "gradients"};

// Keys that cell.json holds only where their values are not the usual ones, so that cells finished before there were these options stay finished.
constexpr std::array kLaterKeys = {"targeted_limit", "distance_limit", "measure_precision", "held_out", "checkpoint"};

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
  a.pgd.step = r.step;
  a.pgd.steps = r.steps;
  a.seed = r.seed;
  return a;
}

Measurement margin_attack(const MeasureRequest& r) {
  Measurement m = plain(Measurement::Kind::attack, r.attack_limit, 1);
  m.name = "cw";
  m.attack = base_attack(r);
  m.attack.attack = "cw";
  m.attack.loss = AttackLoss::margin;
  return m;
}

Measurement worst_case(const MeasureRequest& r, double scale) {
  Measurement m = plain(Measurement::Kind::worst_case, r.worst_limit, scale);
  m.attack = base_attack(r);
  m.attack.attack = r.worst_attack;
  return m;
}

// PGD away from the label and towards one random class, the same for every cell, on the same images.
std::vector<Measurement> targeted_and_untargeted(const MeasureRequest& r, double scale) {
  std::vector<Measurement> list;
  for (const AttackLoss loss : {AttackLoss::cross_entropy, AttackLoss::margin})
    for (const bool is_targeted : {false, true}) {
      Measurement m = plain(Measurement::Kind::attack, r.targeted_limit, scale);
      m.name = str("pgd-", name_of(loss), is_targeted ? "-targeted" : "-untargeted");
      m.attack = base_attack(r);
      m.attack.loss = loss;
      m.attack.targeting = is_targeted ? Targeting::random : Targeting::none;
      list.push_back(std::move(m));
    }
  return list;
}

// The measurements of one kind on logits multiplied by `scale`. If `scale` is not 1, empty for kinds that do not depend on losses.
std::vector<Measurement> measurements_of_kind(const std::string& kind, const MeasureRequest& r, double scale) {
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
  if (kind == "targeted") return targeted_and_untargeted(r, scale);
  if (scale != 1) return {};
  if (kind == "corrupt") {
    std::vector<Measurement> list(r.severities.size(), plain(Measurement::Kind::corruptions, r.corrupt_limit, 1));
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i].severity = r.severities[i];
      list[i].seed = r.seed;
      if (i > 0) list[i].name = str("severity-", r.severities[i]);
    }
    return list;
  }
  if (kind == "geometry") return {plain(Measurement::Kind::geometry, r.geometry_limit, 1)};
  if (kind == "gradients") return {plain(Measurement::Kind::gradients, r.geometry_limit, 1)};
  if (kind == "distance") {
    Measurement m = plain(Measurement::Kind::distance, r.distance_limit, 1);
    m.attack = boundary_search(r.seed);
    return {m};
  }
  Measurement m = plain(Measurement::Kind::audit, r.audit_limit, 1);
  m.attack = base_attack(r);
  return {m};
}

}  // namespace

Fields measure_fields(MeasureRequest& r) {
  return {field("attack-limit", r.attack_limit, at_least(0), "Test images attacked; 0, here and below: all"),
          field("worst-limit", r.worst_limit, at_least(0), "Test images of the worst case"),
          field("worst-attack", r.worst_attack, attack_names(),
                "Attack on what the others left standing: apgd-t, autoattack, ..."),
          field("corrupt-limit", r.corrupt_limit, at_least(0), "Test images corrupted"),
          field("geometry-limit", r.geometry_limit, at_least(0),
                "Test images of the features' distances and of the gradients"),
          field("audit-limit", r.audit_limit, at_least(0), "Test images audited"),
          field("targeted-limit", r.targeted_limit, at_least(0), "Test images of the targeted attacks"),
          field("distance-limit", r.distance_limit, at_least(0), "Test images of the distances to the boundary"),
          field("severity", r.severities, in(1, 5), "Of the corruptions, 1 to 5; several with commas"),
          field("eps", r.eps, at_least(0), "Radius of the attacks (L-infinity)"),
          with_computed_default(field("step", r.step, at_least(0), "Step of PGD; default: eps/4")),
          field("steps", r.steps, at_least(1), "Steps of PGD"),
          field("measure-precision", r.precision, precisions(), "f32 or bf16; default: that of the training"),
          field("checkpoint", r.checkpoint, {{"last", Which::last}, {"best", Which::best}},
                message("Weights that are measured: last, or best, the epoch that ", "select-by"_field, " kept")),
          field("held-out", r.held_out,
                message("On the images that ", "validation"_field, " holds out, not on the test half"))};
}

void check_request(const MeasureRequest& request) {
  MeasureRequest r = request;
  check(measure_fields(r));
  for (const std::string& kind : r.kinds)
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
      throw mistake("measure"_field, " ", kind, " is unknown; known: ", listed(kKinds));
  const auto has = [&](const char* kind) { return std::find(r.kinds.begin(), r.kinds.end(), kind) != r.kinds.end(); };
  if (has("pgd") && has("attacks")) throw mistake("measure"_field, ": attacks holds pgd; name one of them");
  require_in("test-limit", at_least(0), static_cast<double>(r.test_limit), exact(r.test_limit));
  require_radius(r.eps, Norm::linf);
}

Json to_json(const MeasureRequest& request) {
  MeasureRequest r = request, usual;
  Json json = to_json(measure_fields(r));
  const Json usual_json = to_json(measure_fields(usual));
  for (const char* key : kLaterKeys)
    if (json[key] == usual_json[key]) json.erase(key);
  if (r.severities.size() == 1) json["severity"] = r.severities[0];  // as earlier versions wrote it
  json.update({{"kinds", r.kinds}, {"test_limit", r.test_limit}, {"seed", r.seed}});
  return json;
}

MeasureRequest measure_request_from(const JsonFields& f) {
  MeasureRequest r;
  Fields fields = measure_fields(r);
  std::erase_if(fields, [&](const Field& field) {
    const std::string key = json_name(field);
    return key == "severity" || (std::ranges::count(kLaterKeys, key) > 0 && !f.has(key));
  });
  read_fields(f, fields);
  const std::vector<double> severities =
      f.is_list("severity") ? f.numbers("severity") : std::vector{f.number("severity")};
  r.severities.assign(severities.begin(), severities.end());
  r.kinds = f.texts("kinds");
  r.test_limit = f.integer("test_limit", 0, std::numeric_limits<std::int64_t>::max());
  r.seed = f.seed("seed");
  check_request(r);
  return r;
}

std::vector<Measurement> measurements_of(const MeasureRequest& r, const std::vector<double>& logit_scales) {
  std::vector<Measurement> list;
  std::vector<double> scales = {1};
  scales.insert(scales.end(), logit_scales.begin(), logit_scales.end());
  for (const double scale : scales)
    for (const char* kind : kKinds)
      if (std::find(r.kinds.begin(), r.kinds.end(), kind) != r.kinds.end())
        for (const Measurement& m : measurements_of_kind(kind, r, scale)) list.push_back(m);
  for (Measurement& m : list) {
    m.held_out = r.held_out;
    m.precision = r.precision;
  }
  return list;
}

}  // namespace kelvin
