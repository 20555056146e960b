// The audit's checks of the gradient: does float32 cross-entropy have one, and does plain PGD move?
#include <algorithm>

#include "apps/analysis/auditor.h"
#include "apps/analysis/gradient_presence.h"
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
  left_by_ce_ = audit_text::robust_images(ce);
  left_by_log_odds_ = audit_text::robust_images(log_odds);
  a_.clean_accuracy = ce.clean_accuracy();
  a_.paper_faithful = ce_ = ce.robust_accuracy();
  a_.median_margin = ce.margin_percentile(50);
  const auto presence = [&](SoftmaxPrecision precision, double tau, bool at_random_start) {
    return gradient_presence(model_, set_, o_.attack, {precision, tau, at_random_start});
  };
  using enum SoftmaxPrecision;
  const GradientPresence here = presence(float32, 1, false), around = presence(float32, 1, true),
                         here64 = presence(float64, 1, false), around64 = presence(float64, 1, true),
                         at_train_tau = presence(float32, o_.train_tau, false);
  const double reach = std::min(a_.eps, a_.step * a_.steps);
  Robust unmoved(left_by_ce_.size()), short_of_half(left_by_ce_.size());
  for (std::size_t i = 0; i < unmoved.size(); ++i) {
    const AttackedImage& image = ce.images[i];
    const bool is_zero = here.is_zero[i] != 0 || around.is_zero[i] != 0;
    clean_[i] = image.is_clean_correct() ? 1 : 0;
    saturated_[i] = is_zero || static_cast<double>(image.clean_margin) > kUnreliable ? 1 : 0;
    a_.images[i].label = image.label;
    a_.images[i].prediction = image.clean_prediction;
    a_.images[i].margin = image.clean_margin;
    a_.images[i].has_zero_gradient = is_zero;
    a_.images[i].is_saturated = saturated_[i] != 0;
    a_.images[i].is_left_by_plain = left_by_ce_[i] != 0;
    unmoved[i] = is_zero && left_by_ce_[i] != 0 ? 1 : 0;
    short_of_half[i] = left_by_ce_[i] != 0 && static_cast<double>(image.displacement) < reach / 2 ? 1 : 0;
  }
  judge("zero gradients",
        str(percent(here.zero_images), " of images at attack tau 1 (", percent(around.zero_images),
            " at a random start; with a float64 softmax ", percent(here64.zero_images), " and ",
            percent(around64.zero_images), "), ", percent(at_train_tau.zero_images), " at training tau, ",
            percent(log_odds.zero_gradient_fraction()), " with log-odds; coordinates ", percent(here.zero_coordinates),
            "; plain PGD leaves ", audit_text::count(unmoved), " images for that"),
        "images that plain PGD leaves have a gradient that is exactly zero", Means::masked,
        {share_of("zero gradient", unmoved, set_.count, kPoints)},
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
  a_.checks.push_back(
      {"margins",
       str("median ", ce.margin_percentile(50), ", 5 % ", ce.margin_percentile(5), ", 95 % ", ce.margin_percentile(95),
           "; float32 cross-entropy loses the label's term above 17: ", percent(share_above(ce.images, kUnreliable)),
           ", all normal numbers above 87: ", percent(share_above(ce.images, kInvalid)),
           ", everything above 104: ", percent(share_above(ce.images, kGone))),
       "", Verdict::figure, percentiles});
  const bool has_withstood = ce_ > 0, is_linf = o_.attack.norm == Norm::linf;
  const double moved = has_withstood ? ce.mean_displacement() : 0;
  judge("displacement",
        has_withstood ? str("images that withstood moved ", moved,
                            " from their random start on average (at most 2 eps), ", "eps ", o_.attack.eps,
                            is_linf ? str("; ", audit_text::count(short_of_half), " less than half of it") : "")
                      : std::string("no image withstood"),
        is_linf ? "images that withstood moved less than half of eps, or of what the steps reach" : "none in L2",
        Means::masked,
        is_linf ? std::vector{share_of("moved less than eps/2", short_of_half, set_.count, kPoints)}
                : std::vector<AuditComparison>{},
        {{"mean", has_withstood ? Json(moved) : Json()}});
}

// How much two runs of one attack differ.
void Auditor::restart_noise() {
  begin("restart noise");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  ++o.seed;
  const AuditComparison c = paired("another random start", left_by_ce_, left_by(o, Counts::towards_worst), 0);
  a_.checks.push_back({"restart noise",
                       str("plain PGD from another random start breaks ", c.alone, " images that it left, and leaves ",
                           c.other, " that it broke: one run more is worth ",
                           percent(static_cast<double>(c.alone) / static_cast<double>(c.images))),
                       "",
                       Verdict::figure,
                       {{"alone", c.alone}, {"other", c.other}}});
}

// Where cross-entropy does not rise by a single bit and log-odds does, plain PGD has no direction. On an honest model that happens to images
// of large leads that no attack breaks; those that log-odds PGD breaks count.
void Auditor::loss_by_step() {
  begin("loss by step");
  const LossCurve ce = loss_curve(model_, set_, pgd(AttackLoss::cross_entropy), kCurveImages),
                  log_odds = loss_curve(model_, set_, pgd(AttackLoss::log_odds), kCurveImages);
  Robust stuck(ce.climbed.size()), missed(stuck.size());
  for (std::size_t i = 0; i < stuck.size(); ++i) {
    stuck[i] = !ce.climbed[i] && log_odds.climbed[i] ? 1 : 0;
    missed[i] = stuck[i] != 0 && left_by_ce_[i] != 0 && left_by_log_odds_[i] == 0 ? 1 : 0;
  }
  judge("loss by step",
        str("cross-entropy stands still on ", percent(audit_text::share(stuck)), " of ", stuck.size(),
            " images where log-odds climbs; of these ", audit_text::count(missed),
            " images fall to log-odds alone; share of log-odds' climb in its last ten steps ",
            percent(log_odds.late_share), " (above 5 % more steps may help)"),
        "cross-entropy stands still on images that log-odds breaks and plain PGD leaves", Means::masked,
        {share_of("stands still", missed, static_cast<std::int64_t>(missed.size()), kPoints)},
        {{"stuck", audit_text::share(stuck)},
         {"missed", audit_text::count(missed)},
         {"ce", ce.mean_loss},
         {"log_odds", log_odds.mean_loss},
         {"ce_late_share", ce.late_share},
         {"log_odds_late_share", log_odds.late_share}});
}

}  // namespace kelvin
