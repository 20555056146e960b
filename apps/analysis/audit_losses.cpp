// The audit's checks of the loss: the same PGD on other temperatures, losses, scales of the logits and targets. Plain PGD is compared with
// each of them by itself, and a set of runs with as many runs of plain PGD, because the best of several is stronger than one.
#include <algorithm>

#include "apps/analysis/auditor.h"
#include "apps/analysis/logit_scale.h"

namespace kelvin {

using audit_text::scaled_text;
using audit_text::share;

void Auditor::attack_temperatures() {
  begin("attack temperatures");
  std::vector<double> taus = {2, 5, 10, 20, 50, 100, 200, o_.train_tau, std::max(a_.median_margin / 5, 0.1)};
  std::sort(taus.begin(), taus.end());
  taus.erase(std::unique(taus.begin(), taus.end()), taus.end());
  std::erase(taus, 1.0);
  Json curve = Json::array({{{"tau", 1}, {"robust_accuracy", ce_}}});
  std::vector<AuditComparison> comparisons;
  double lowest = ce_, best_tau = 1;
  for (const double tau : taus) {
    const Robust left = left_by(pgd(AttackLoss::cross_entropy, tau));
    comparisons.push_back(paired(str("tau ", tau), left_by_ce_, left, kPoints));
    curve.push_back({{"tau", tau}, {"robust_accuracy", share(left)}});
    if (share(left) < lowest) lowest = share(left), best_tau = tau;
  }
  judge("attack tau", str(percent(ce_), " at tau 1, lowest ", percent(lowest), " at tau ", best_tau),
        "another attack tau is stronger", Means::as_saturated, std::move(comparisons), curve);
}

void Auditor::losses() {
  begin("losses");
  left_by_margin_ = left_by(pgd(AttackLoss::margin));
  std::vector<AuditComparison> comparisons = {paired("log-odds", left_by_ce_, left_by_log_odds_, kPoints),
                                              paired("margin", left_by_ce_, left_by_margin_, kPoints)};
  double dlr = share(left_by_margin_);  // with two classes there is no DLR
  if (model_.spec().classes >= 3) {
    const Robust left = left_by(pgd(AttackLoss::dlr));
    dlr = share(left);
    comparisons.push_back(paired("DLR", left_by_ce_, left, kPoints));
  }
  judge("loss swap",
        str("cross-entropy ", percent(ce_), ", log-odds ", percent(share(left_by_log_odds_)), ", margin ",
            percent(share(left_by_margin_)), ", DLR ", percent(dlr)),
        "another loss is stronger", Means::as_saturated, std::move(comparisons),
        {{"ce", ce_}, {"log_odds", share(left_by_log_odds_)}, {"margin", share(left_by_margin_)}, {"dlr", dlr}});
}

// The margin does not depend on the scale of the logits; the harness is broken where PGD on it does.
void Auditor::rescaled_logits() {
  begin("rescaled logits");
  Json rows = Json::array();
  std::string figures;
  std::vector<AuditComparison> comparisons;
  bool has_margin_changed = false;
  for (const double s : {1 / o_.train_tau, static_cast<double>(usual_scale()), 10.0, 100.0}) {
    if (s == 1) continue;
    const LogitScale scaled(model_, static_cast<float>(s));
    const std::string on = scaled_text(s);
    const Robust ce = left_by(pgd(AttackLoss::cross_entropy), Counts::towards_sound_and_worst, on),
                 margin = left_by(pgd(AttackLoss::margin), Counts::towards_sound_and_worst, on);
    comparisons.push_back(paired(str("x", s), left_by_ce_, ce, kPoints));
    has_margin_changed = has_margin_changed || fails(paired("margin", left_by_margin_, margin, kPoints)) ||
                         fails(paired("margin", margin, left_by_margin_, kPoints));
    figures += str(figures.empty() ? "" : "; ", "x", s, ": cross-entropy ", percent(share(ce)), ", margin ",
                   percent(share(margin)));
    rows.push_back({{"scale", s}, {"ce", share(ce)}, {"margin", share(margin)}});
  }
  AuditCheck& check = judge("rescaled logits", figures, "plain PGD is stronger on a rescaled copy of the classifier",
                            Means::as_saturated, std::move(comparisons), rows);
  if (has_margin_changed) check.verdict = Verdict::failed_harness;
}

// Every targeted success is an untargeted one. An attack that has converged therefore leaves no more images than a targeted one does.
void Auditor::inversion() {
  begin("inversion");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  o.targeting = Targeting::random;
  const Robust left = left_by(o);
  const AuditCheck& check =
      judge("inversion", str("PGD towards a random class leaves ", percent(share(left)), ", untargeted ", percent(ce_)),
            "more images fall to the targeted attack than to the untargeted one", Means::as_saturated,
            {paired("targeted", left_by_ce_, left, 0)}, {{"targeted", share(left)}, {"untargeted", ce_}});
  if (check.verdict == Verdict::passes) return;
  const AuditComparison& c = check.comparisons.front();
  a_.certificate = str("targeted PGD breaks ", c.alone, " images that untargeted PGD leaves, the reverse holds for ",
                       c.other, " (", percent(share(left)), " against ", percent(ce_),
                       "); every targeted success is an untargeted one, so the untargeted attack has failed");
}

void Auditor::targets() {
  begin("targets");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  o.targeting = Targeting::all;
  const Robust left = left_by(o);
  AttackOptions as_many = pgd(AttackLoss::cross_entropy);
  as_many.pgd.restarts *= model_.spec().classes - 1;
  const Robust untargeted = left_by(as_many, Counts::towards_worst);
  judge("all targets",
        str("worst over the other classes ", percent(share(left)), ", untargeted ", percent(ce_),
            ", with as many runs ", percent(share(untargeted))),
        "targeted cross-entropy is stronger than as many runs of the untargeted one", Means::as_saturated,
        {paired("targeted", untargeted, left, kPoints)},
        {{"targeted", share(left)}, {"untargeted", ce_}, {"untargeted_as_many", share(untargeted)}});
}

}  // namespace kelvin
