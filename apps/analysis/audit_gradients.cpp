// The audit's checks of the gradient: where float32 cross-entropy has no gradient, other losses and temperatures still have one.
#include <algorithm>
#include <cmath>

#include "apps/analysis/auditor.h"
#include "apps/analysis/gradient_presence.h"
#include "apps/analysis/logit_scale.h"
#include "apps/analysis/loss_curve.h"

namespace kelvin {
namespace {

// Leads of the label's logit beyond which the gradient of float32 cross-entropy loses the label's term, all normal numbers, and everything.
constexpr double kUnreliable = 17, kInvalid = 87, kGone = 104;
constexpr std::int64_t kCurveImages = 64;

double share_above(const std::vector<AttackedImage>& images, double lead) {
  double n = 0;
  for (const AttackedImage& i : images) n += static_cast<double>(i.clean_margin) > lead ? 1 : 0;
  return images.empty() ? 0 : n / static_cast<double>(images.size());
}

}  // namespace

void Auditor::saturation() {
  begin("zero gradients");
  const AttackResult ce = attacked(pgd(AttackLoss::cross_entropy), Counts::towards_worst);
  const AttackResult log_odds = attacked(pgd(AttackLoss::log_odds));
  for (std::size_t i = 0; i < left_by_ce_.size(); ++i) left_by_ce_[i] = ce.images[i].is_robust() ? 1 : 0;
  a_.clean_accuracy = ce.clean_accuracy();
  a_.paper_faithful = ce_ = ce.robust_accuracy();
  log_odds_ = log_odds.robust_accuracy();
  a_.median_margin = ce.margin_percentile(50);
  const auto presence = [&](SoftmaxPrecision precision, double tau, bool at_random_start) {
    return gradient_presence(model_, set_, o_.attack, {precision, tau, at_random_start});
  };
  using enum SoftmaxPrecision;
  const GradientPresence here = presence(float32, 1, false), around = presence(float32, 1, true),
                         here64 = presence(float64, 1, false), around64 = presence(float64, 1, true),
                         at_train_tau = presence(float32, o_.train_tau, false);
  const double zero = std::max(here.zero_images, around.zero_images);
  check("zero gradients",
        str(percent(here.zero_images), " of images at attack tau 1 (", percent(around.zero_images),
            " at a random start; with a float64 softmax ", percent(here64.zero_images), " and ",
            percent(around64.zero_images), "), ", percent(at_train_tau.zero_images), " at training tau, ",
            percent(log_odds.zero_gradient_fraction()), " with log-odds; coordinates ", percent(here.zero_coordinates)),
        "any image whose float32 cross-entropy gradient is exactly zero", zero > 0,
        {{"tau1", here.zero_images},
         {"random_start", around.zero_images},
         {"float64", here64.zero_images},
         {"float64_random_start", around64.zero_images},
         {"train_tau", at_train_tau.zero_images},
         {"log_odds", log_odds.zero_gradient_fraction()},
         {"coordinates", here.zero_coordinates},
         {"coordinates_random_start", around.zero_coordinates},
         {"coordinates_float64", here64.zero_coordinates}});
  Json percentiles;
  for (const int p : {5, 25, 50, 75, 95}) percentiles[str("p", p)] = ce.margin_percentile(p);
  for (const auto& [name, lead] :
       {std::pair("above_17", kUnreliable), std::pair("above_87", kInvalid), std::pair("above_104", kGone)})
    percentiles[name] = share_above(ce.images, lead);
  check("margins",
        str("median ", ce.margin_percentile(50), ", 5 % ", ce.margin_percentile(5), ", 95 % ", ce.margin_percentile(95),
            "; above 17: ", percent(share_above(ce.images, kUnreliable)), ", above 87: ",
            percent(share_above(ce.images, kInvalid)), ", above 104: ", percent(share_above(ce.images, kGone)),
            a_.median_margin > kInvalid ? ": float32 cross-entropy is invalid here" : ""),
        "median above 17 (float32 loses the label's term); above 87 it loses every term",
        a_.median_margin > kUnreliable, percentiles);
  const bool has_withstood = ce.robust_accuracy() > 0;
  const double moved = has_withstood ? ce.mean_displacement() : 0, needed = 0.5 * static_cast<double>(o_.attack.eps);
  check("displacement",
        has_withstood ? str("images that withstood moved ", moved,
                            " from their random start on average (at most 2 eps), eps ", o_.attack.eps)
                      : std::string("no image withstood"),
        "less than half of eps (L-infinity)", o_.attack.norm == Norm::linf && has_withstood && moved < needed,
        {{"mean", has_withstood ? Json(moved) : Json()}});
}

void Auditor::attack_temperatures() {
  begin("attack temperatures");
  std::vector<double> taus = {1, 2, 5, 10, 20, 50, 100, 200, o_.train_tau, std::max(a_.median_margin / 5, 0.1)};
  std::sort(taus.begin(), taus.end());
  taus.erase(std::unique(taus.begin(), taus.end()), taus.end());
  Json curve = Json::array();
  double lowest = 1, best_tau = 1;
  for (const double tau : taus) {
    const double robust = attacked(pgd(AttackLoss::cross_entropy, tau)).robust_accuracy();
    curve.push_back({{"tau", tau}, {"robust_accuracy", robust}});
    if (robust < lowest) lowest = robust, best_tau = tau;
  }
  const double error = 2 * std::sqrt(std::max(lowest * (1 - lowest), 0.01) / static_cast<double>(set_.count));
  const double allowed = std::max(0.01, std::min(error, kPoints));
  check("attack tau", str(percent(ce_), " at tau 1, lowest ", percent(lowest), " at tau ", best_tau),
        str("tau 1 more than ", percent(allowed), " above the lowest"), ce_ - lowest > allowed, curve);
}

void Auditor::losses() {
  begin("losses");
  const double margin = margin_ = attacked(pgd(AttackLoss::margin)).robust_accuracy();
  const double dlr = model_.spec().classes >= 3 ? attacked(pgd(AttackLoss::dlr)).robust_accuracy() : margin;
  const double lowest = std::min({log_odds_, margin, dlr});
  check("loss swap",
        str("cross-entropy ", percent(ce_), ", log-odds ", percent(log_odds_), ", margin ", percent(margin), ", DLR ",
            percent(dlr)),
        "cross-entropy more than 2 points above another loss", ce_ - lowest > kPoints,
        {{"ce", ce_}, {"log_odds", log_odds_}, {"margin", margin}, {"dlr", dlr}});
}

void Auditor::rescaled_logits() {
  begin("rescaled logits");
  Json rows = Json::array();
  double lowest = ce_, margin_change = 0;
  std::string figures;
  for (const double s : {1 / o_.train_tau, 1 / std::max(a_.median_margin / 5, 1.0), 10.0, 100.0}) {
    const LogitScale scaled(model_, static_cast<float>(s));
    const double ce = attacked(pgd(AttackLoss::cross_entropy)).robust_accuracy();
    const double margin = attacked(pgd(AttackLoss::margin)).robust_accuracy();
    lowest = std::min(lowest, ce);
    margin_change = std::max(margin_change, std::abs(margin - margin_));
    figures += str(figures.empty() ? "" : "; ", "x", s, ": cross-entropy ", percent(ce), ", margin ", percent(margin));
    rows.push_back({{"scale", s}, {"ce", ce}, {"margin", margin}});
  }
  check("rescaled logits", figures,
        "cross-entropy more than 2 points stronger on a rescaled copy of the same classifier", ce_ - lowest > kPoints,
        rows);
  if (margin_change > kPoints) a_.checks.back().verdict = Verdict::failed_harness;
}

void Auditor::targets() {
  begin("targets");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  o.targeting = Targeting::all;
  const double targeted = attacked(o).robust_accuracy();
  check("all targets", str("worst over the other classes ", percent(targeted), ", untargeted ", percent(ce_)),
        "targeted cross-entropy more than 2 points stronger than untargeted", ce_ - targeted > kPoints,
        {{"targeted", targeted}, {"untargeted", ce_}});
}

// If cross-entropy does not rise by a single bit and log-odds does, PGD never moved.
void Auditor::loss_by_step() {
  begin("loss by step");
  const LossCurve ce = loss_curve(model_, set_, pgd(AttackLoss::cross_entropy), kCurveImages),
                  log_odds = loss_curve(model_, set_, pgd(AttackLoss::log_odds), kCurveImages);
  double stuck = 0;
  for (std::size_t i = 0; i < ce.climbed.size(); ++i) stuck += !ce.climbed[i] && log_odds.climbed[i] ? 1 : 0;
  stuck /= static_cast<double>(std::max<std::size_t>(ce.climbed.size(), 1));
  check("loss by step",
        str("cross-entropy stands still on ", percent(stuck), " of ", ce.climbed.size(),
            " images where log-odds climbs; share of log-odds' climb in its last ten steps ",
            percent(log_odds.late_share), " (above 5 % more steps may help)"),
        "cross-entropy stands still on any of them", stuck > 0,
        {{"stuck", stuck},
         {"ce", ce.mean_loss},
         {"log_odds", log_odds.mean_loss},
         {"ce_late_share", ce.late_share},
         {"log_odds_late_share", log_odds.late_share}});
}

}  // namespace kelvin
