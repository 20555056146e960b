#include "apps/analysis/audit.h"

#include <algorithm>

#include "apps/analysis/auditor.h"
#include "apps/analysis/paired_tests.h"
#include "apps/attacks/settings.h"

namespace kelvin {

Fields audit_fields(AuditOptions& o) {
  return joined({only(attack_fields(o.attack), {"norm", "eps"}),
                 only(pgd_fields(o.attack.pgd), {"step", "steps"}),
                 {field("queries", o.queries, at_least(1), "Queries of Square"),
                  field("random-points", o.random_points, at_least(1),
                        "Random points of the ball's surface around each surviving image")}});
}

bool Audit::is_masked() const { return verdict() == name_of(Verdict::masked); }

std::string Audit::verdict() const {
  for (const Verdict v : {Verdict::masked, Verdict::weak_attack})
    if (std::any_of(checks.begin(), checks.end(), [v](const AuditCheck& c) { return c.verdict == v; }))
      return name_of(v);
  return "no sign";
}

double Audit::smallest_difference() const {
  return static_cast<double>(smallest_paired(n, kPoints, kCheckLevel)) / static_cast<double>(n);
}

std::string Audit::sentence() const {
  const auto checks_that_say = [&](Verdict v) {
    std::string names;
    for (const AuditCheck& c : checks)
      if (c.verdict == v) names += (names.empty() ? "" : ", ") + c.name;
    return names;
  };
  std::string text;
  if (const std::string failed = checks_that_say(Verdict::failed_harness); !failed.empty())
    text = str("The audit contradicts itself (", failed, "); do not rely on it. ");
  const std::string masked = checks_that_say(Verdict::masked), weak = checks_that_say(Verdict::weak_attack);
  if (!masked.empty()) {
    text += attack_gap() > kPoints
                ? str("Masked: the gradient vanishes and plain PGD does not run. What it leaves, ",
                      percent(paper_faithful), ", is no robustness: the worst case is ", percent(worst_case))
                : str("Masked: the gradient vanishes on images that plain PGD leaves. It came close all the same: ",
                      percent(paper_faithful), " against ", percent(worst_case), " in the worst case");
    text += str(", on ", n, " images (", masked, ").");
  } else if (!weak.empty()) {
    text += str("Plain PGD is a weak attack here, although it has gradients: ", percent(paper_faithful), " becomes ",
                percent(worst_case), " in the worst case, on ", n, " images (", weak, "). Report the worst case.");
  } else {
    text += str("No sign of a vanished gradient or a weak attack: worst case ", percent(worst_case), " against ",
                percent(paper_faithful), " for plain PGD, on ", n, " images.");
  }
  return certificate.empty() ? text : text + " Certificate: " + certificate + ".";
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passes: return "passes";
    case Verdict::weak_attack: return "weak attack";
    case Verdict::masked: return "masked";
    case Verdict::failed_harness: return "harness failed";
    case Verdict::figure: return "figure";
    case Verdict::not_run: return "not run";
  }
  return "?";
}

Audit audit(Model& model, const ImageSet& set, const AuditOptions& options,
            const std::function<void(const std::string&)>& progress) {
  if (set.count < 1) throw mistake("audit needs at least one image");
  if (options.random_points < 1)
    throw mistake("random-points"_field, " must be at least 1, got ", options.random_points);
  return Auditor(model, set, options, progress).run();
}

Json to_json(const Audit& a) {
  Json checks = Json::array();
  for (const AuditCheck& c : a.checks) {
    Json comparisons = Json::array();
    for (const AuditComparison& k : c.comparisons)
      comparisons.push_back({{"name", k.name},
                             {"kind", k.is_share ? "share" : "paired"},
                             {"images", k.images},
                             {"alone", k.alone},
                             {"other", k.other},
                             {"saturated", k.saturated},
                             {"size", k.size},
                             {"p", k.p},
                             {"level", k.level}});
    checks.push_back({{"name", c.name},
                      {"figures", c.figures},
                      {"rule", c.rule},
                      {"verdict", name_of(c.verdict)},
                      {"values", c.values},
                      {"comparisons", comparisons}});
  }
  return {{"n", a.n},
          {"clean_accuracy", a.clean_accuracy},
          {"paper_faithful", a.paper_faithful},
          {"sound", a.sound},
          {"worst_case", a.worst_case},
          {"attack_gap", a.attack_gap()},
          {"masking_gap", a.attack_gap()},  // its old name
          {"median_margin", a.median_margin},
          {"norm", name_in(norms(), a.norm)},
          {"eps", a.eps},
          {"step", a.step},
          {"steps", a.steps},
          {"train_tau", a.train_tau},
          {"verdict", a.verdict()},
          {"masked", a.is_masked()},
          {"certificate", a.certificate},
          {"level", kVerdictLevel},
          {"smallest_difference", a.smallest_difference()},
          {"sentence", a.sentence()},
          {"warnings", a.warnings},
          {"checks", checks}};
}

}  // namespace kelvin
