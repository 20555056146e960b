// Claims about attacks: what a high τ withstands, and whether the attack ran.
#include "apps/analysis/paired_tests.h"
#include "apps/evaluation/percent.h"
#include "apps/report/claim_parts.h"
#include "kernels/device/error.h"

namespace kelvin::claim_parts {
namespace {

using Json = nlohmann::json;

constexpr double kOfAnHonestModel = 0.02;  // what two attacks on an honest model may differ by (AUDIT.md)

// PGD on cross-entropy at attack τ = 1, and another attack with the same settings on the same images.
struct AttackPair {
  const Json *plain = nullptr, *other = nullptr;
};
std::optional<AttackPair> pair_of(const RunResults& run, const std::string& loss, const std::string& targeted) {
  for (const Json* plain : pgd_results(run, "ce", 1, "none"))
    for (const Json* other : pgd_results(run, loss, 1, targeted))
      if (is_same_attack(*plain, *other)) return AttackPair{plain, other};
  return {};
}

// p of "the other attack is no stronger than plain PGD, but for `size`". Images that were not kept one by one count as two samples, and then
// p is at most the level where the interval excludes the size.
struct Order {
  ImageComparison images;  // plain less other
  double p = 1;
  std::string text;
};
std::optional<Order> order_of(const std::optional<AttackPair>& pair, double size) {
  if (!pair) return {};
  const auto c = compare_images(*pair->plain, *pair->other);
  if (!c) return {};
  if (!c->is_paired)
    return Order{*c, c->difference.low > size ? kClaimLevel / 2 : 1,
                 str("95 % interval ", interval_text(c->difference), " for other images of this model (binomial, ",
                     c->n, " images)")};
  const double p = paired_p(c->only_first, c->only_second, c->n, size);
  return Order{*c, p,
               str("of ", c->n, " images ", c->only_first, " fall to the other attack alone, ", c->only_second,
                   " to plain PGD alone: exact binomial test ", size > 0 ? "against 2 points, " : "", p_text(p),
                   "; for other images of this model")};
}

// Whether robust accuracy under one attack rises from τ = 1 to the higher one, over trainings.
bool rises_over_trainings(const TwoTaus& t, const std::string& loss) {
  const auto shares = [&loss](const Runs& runs) {
    std::vector<double> values;
    for (const RunResults& r : runs) values.push_back(*share_of(*pgd_results(r, loss, 1, "none").front()));
    return values;
  };
  return t.one.size() > 1 && t.high.size() > 1 && welch_interval(shares(t.high), shares(t.one)).low > 0;
}

std::string audit_text(const RunResults& run) {
  const auto worst = number_at(result_of(run, "audit"), {"worst_case"}), n = number_at(result_of(run, "audit"), {"n"});
  return worst && n
             ? str(" The audit's worst case at τ = ", run.tau, " leaves ", percent(*worst), " of ", *n, " images.")
             : std::string();
}

}  // namespace

Claim untargeted(const Runs& all) {
  Claim claim{.key = "untargeted",
              .claim = "A high τ is robust to untargeted PGD",
              .reason =
                  "Runs at τ = 1 and above, with `kelvin attack RUN` and `kelvin attack RUN` on the log-odds loss, "
                  "measure it."};
  const Measured m = measured(all, [](const RunResults& r) { return pair_of(r, "log-odds", "none").has_value(); });
  const TwoTaus t = two_taus(m.runs);
  if (t.one.empty()) return claim;
  const RunResults &one = t.one.front(), &high = t.high.front();
  const auto order = order_of(pair_of(high, "log-odds", "none"), kOfAnHonestModel);
  const auto order_at_one = order_of(pair_of(one, "log-odds", "none"), kOfAnHonestModel);
  if (!order || !order_at_one) return claim;
  const ImageComparison &h = order->images, &o = order_at_one->images;
  const double gain = h.first - o.first, real_gain = h.second - o.second;
  claim.figure = str("PGD on cross-entropy leaves ", percent(o.first), " at τ = ", one.tau, ", ", percent(h.first),
                     " at τ = ", high.tau, "; on the log-odds loss ", percent(o.second), " and ", percent(h.second));
  claim.size = str(signed_points(gain), " points on cross-entropy, ", signed_points(real_gain), " on log-odds");
  claim.uncertainty =
      str("at τ = ", high.tau, t.high.size() > 1 ? str(" (the first of ", t.high.size(), " trainings)") : "", ", ",
          order->text);
  const std::string audits = audit_text(one) + audit_text(high);
  claim.verdict = ClaimVerdict::not_decided;
  if (order->p < kClaimLevel && gain > 0 && real_gain < gain / 2) {
    claim.verdict = ClaimVerdict::contradicted;
    const auto zero = number_at(*pair_of(high, "log-odds", "none")->plain, {"zero_gradient_fraction"});
    claim.reason = "Most of the gain is an attack that failed.";
    if (zero && *zero > 0)
      claim.reason += str(" Its gradient is exactly zero on ", percent(*zero), " of the images that are right.");
    claim.reason += " It holds for these models; what is left on log-odds is no bound from below.";
  } else if (!m.other_difference.empty()) {
    claim.reason = str("The runs differ in ", m.other_difference, ", too.");
  } else if (rises_over_trainings(t, "ce") && rises_over_trainings(t, "log-odds")) {
    claim.verdict = ClaimVerdict::supported;
    claim.reason =
        "Both losses leave more at the high τ, beyond what trainings differ by (Welch, 95 %). Stronger attacks may "
        "still differ.";
  } else {
    claim.reason =
        "No failed attack is seen beyond chance, and no gain on both losses beyond what trainings differ by.";
  }
  claim.reason += audits;
  return claim;
}

Claim targeted(const Runs& all) {
  Claim claim{.key = "targeted",
              .claim = "A high τ withstands untargeted attacks, though targeted ones stay open",
              .reason = "Runs above τ = 1, with `kelvin attack RUN` and the same towards random targets, measure it."};
  const Measured m = measured(all, [](const RunResults& r) { return pair_of(r, "ce", "random").has_value(); });
  if (m.runs.empty() || m.runs.back().tau <= 1) return claim;
  const RunResults& high = m.runs.back();
  const auto order = order_of(pair_of(high, "ce", "random"), 0);
  if (!order) return claim;
  const ImageComparison& c = order->images;
  claim.figure = str("at τ = ", high.tau, " untargeted PGD leaves ", percent(c.first),
                     ", PGD towards one random class ", percent(c.second));
  if (const auto every = order_of(pair_of(high, "ce", "all"), 0))
    claim.figure += str(", towards each class in turn ", percent(every->images.second));
  const RunResults one = runs_at(m.runs, 1).front();
  if (const auto at_one = order_of(pair_of(one, "ce", "random"), 0); at_one && one.tau < high.tau)
    claim.figure +=
        str("; at τ = ", one.tau, " ", percent(at_one->images.first), " and ", percent(at_one->images.second));
  claim.size = signed_points(c.second - c.first) + " points from untargeted to targeted";
  claim.uncertainty = order->text;
  if (order->p < kClaimLevel) {
    claim.verdict = ClaimVerdict::contradicted;
    claim.reason =
        "Every targeted success is an untargeted one, so a converged untargeted attack leaves no more than a targeted "
        "one: the untargeted attack failed, and there is no robustness to extend.";
  } else {
    claim.verdict = ClaimVerdict::not_decided;
    claim.reason = "The targeted attack leaves no fewer images: that is the order of attacks that run, at any τ.";
  }
  return claim;
}

}  // namespace kelvin::claim_parts
