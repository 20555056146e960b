#include "apps/analysis/audit.h"

#include <algorithm>

#include "apps/analysis/auditor.h"
#include "apps/attacks/settings.h"

namespace kelvin {
namespace audit_text {

double share(const std::vector<std::uint8_t>& robust) {
  double n = 0;
  for (const std::uint8_t r : robust) n += r;
  return robust.empty() ? 0 : n / static_cast<double>(robust.size());
}

}  // namespace audit_text

Fields audit_fields(AuditOptions& o) {
  return joined({only(attack_fields(o.attack), {"norm", "eps"}),
                 only(pgd_fields(o.attack.pgd), {"step", "steps"}),
                 {field("queries", o.queries, at_least(1), "Queries of Square"),
                  field("random-points", o.random_points, at_least(1),
                        "Random points of the ball's surface around each surviving image")}});
}

Auditor::Auditor(Model& model, const ImageSet& set, const AuditOptions& options,
                 const std::function<void(const std::string&)>& say)
    : model_(model), set_(set), o_(options), say_(say) {
  a_.n = set.count;
  a_.train_tau = options.train_tau;
  a_.norm = options.attack.norm;
  a_.eps = options.attack.eps;
  a_.step = options.attack.pgd.step_in(options.attack.eps);
  a_.steps = options.attack.pgd.steps;
  worst_.assign(static_cast<std::size_t>(set.count), 1);
  sound_ = left_by_ce_ = worst_;
  if (const std::string warning = reach_warning(pgd(AttackLoss::cross_entropy)); !warning.empty())
    a_.warnings.push_back(warning);
}

Audit Auditor::run() {
  saturation();
  attack_temperatures();
  losses();
  rescaled_logits();
  targets();
  loss_by_step();
  one_step();
  eps_curve();
  convergence();
  random_points();
  square();
  transfer();
  autoattack();
  known_broken_model();
  a_.sound = audit_text::share(sound_);
  a_.worst_case = audit_text::share(worst_);
  return std::move(a_);
}

AttackOptions Auditor::pgd(AttackLoss loss, double tau) const {
  AttackOptions o = o_.attack;
  o.attack = "pgd";
  o.loss = loss;
  o.attack_tau = tau;
  return o;
}

AttackResult Auditor::attacked(const AttackOptions& options, Counts counts) {
  AttackResult r = attack(model_, set_, options);
  if (counts != Counts::nowhere)
    for (std::size_t i = 0; i < r.images.size(); ++i)
      if (!r.images[i].is_robust()) {
        worst_[i] = 0;
        if (counts == Counts::towards_sound_and_worst) sound_[i] = 0;
      }
  return r;
}

void Auditor::check(const std::string& name, const std::string& figures, const std::string& rule, bool is_masked,
                    Json values) {
  a_.checks.push_back({name, figures, rule, is_masked ? Verdict::masked : Verdict::passes, std::move(values)});
}

void Auditor::not_run(const std::string& name, const std::string& reason) {
  a_.checks.push_back({name, reason, "", Verdict::not_run, {}});
}

void Auditor::begin(const char* name) const {
  if (say_) say_(name);
}

bool Audit::is_masked() const {
  return std::any_of(checks.begin(), checks.end(), [](const AuditCheck& c) { return c.verdict == Verdict::masked; });
}

std::string Audit::sentence() const {
  std::string names;
  for (const AuditCheck& c : checks)
    if (c.verdict == Verdict::masked) names += (names.empty() ? "" : ", ") + c.name;
  if (names.empty())
    return str("No sign of vanishing gradients: worst case ", percent(worst_case), " against ", percent(paper_faithful),
               " for the paper's attack, on ", n, " images.");
  const char* const strength = masking_gap() > kPoints
                                   ? "The robustness under plain PGD is not real: "
                                   : "Plain PGD is not to be trusted here, although it came close: ";
  return str(strength, percent(paper_faithful), " becomes ", percent(worst_case), " in the worst case, on ", n,
             " images (", names, ").");
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passes: return "passes";
    case Verdict::masked: return "masked";
    case Verdict::failed_harness: return "harness failed";
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
  for (const AuditCheck& c : a.checks)
    checks.push_back({{"name", c.name},
                      {"figures", c.figures},
                      {"rule", c.rule},
                      {"verdict", name_of(c.verdict)},
                      {"values", c.values}});
  return {{"n", a.n},
          {"clean_accuracy", a.clean_accuracy},
          {"paper_faithful", a.paper_faithful},
          {"sound", a.sound},
          {"worst_case", a.worst_case},
          {"masking_gap", a.masking_gap()},
          {"median_margin", a.median_margin},
          {"norm", name_in(norms(), a.norm)},
          {"eps", a.eps},
          {"step", a.step},
          {"steps", a.steps},
          {"train_tau", a.train_tau},
          {"masked", a.is_masked()},
          {"sentence", a.sentence()},
          {"warnings", a.warnings},
          {"checks", checks}};
}

}  // namespace kelvin
