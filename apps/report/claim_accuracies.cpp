// Claims about accuracies without an attack: corruptions, and the most accurate temperature.
#include <numeric>

#include "apps/evaluation/percent.h"
#include "apps/report/claim_parts.h"
#include "kernels/device/error.h"

namespace kelvin::claim_parts {
namespace {

using ResultOf = std::function<const nlohmann::json&(const RunResults&)>;

// The difference of an accuracy between two temperatures, and what it is worth.
struct Contrast {
  double one = 0, high = 0;
  MeanDifference difference;
  bool is_over_trainings = false;
  std::string uncertainty;
};

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

std::optional<Contrast> contrast_of(const TwoTaus& t, const ResultOf& result) {
  if (t.one.size() > 1 && t.high.size() > 1) {
    std::vector<double> one, high;
    for (const RunResults& r : t.one) one.push_back(*share_of(result(r)));
    for (const RunResults& r : t.high) high.push_back(*share_of(result(r)));
    const MeanDifference d = welch_interval(high, one);
    return Contrast{mean_of(one), mean_of(high), d, true,
                    str("95 % interval ", interval_text(d), " for other trainings (Welch, ", one.size(), " and ",
                        high.size(), " trainings)")};
  }
  const auto c = compare_images(result(t.high.front()), result(t.one.front()));
  if (!c) return {};
  return Contrast{c->second, c->first, c->difference, false,
                  str("95 % interval ", interval_text(c->difference), " for other images and these two models (",
                      c->is_paired ? "McNemar, image by image" : "binomial", ", ", c->n,
                      " images); one training at a temperature has none for other trainings")};
}

// Whether the accuracy is higher at the second temperature.
Claim gain(Claim claim, const Runs& all, const ResultOf& result, bool is_middle) {
  const Measured m = measured(all, [&](const RunResults& r) { return share_of(result(r)).has_value(); });
  const TwoTaus t = two_taus(m.runs, is_middle);
  const std::optional<Contrast> c = t.one.empty() ? std::nullopt : contrast_of(t, result);
  if (!c) return claim;
  const MeanDifference& d = c->difference;
  claim.figure =
      str(percent(c->one), " at τ = ", t.one.front().tau, ", ", percent(c->high), " at τ = ", t.high.front().tau);
  claim.size = signed_points(d.size) + " points";
  claim.uncertainty = c->uncertainty;
  claim.verdict = ClaimVerdict::not_decided;
  if (!m.other_difference.empty()) {
    claim.reason = str("The runs differ in ", m.other_difference, ", too.");
  } else if (!c->is_over_trainings) {
    claim.reason = "Two trainings at one temperature differ, too: only several at each decide.";
  } else if (d.low >= d.high || (d.low <= 0 && d.high >= 0)) {
    claim.reason = "The interval holds 0.";
  } else {
    claim.verdict = d.low > 0 ? ClaimVerdict::supported : ClaimVerdict::contradicted;
    claim.reason = d.low > 0 ? "The whole interval is above 0." : "The whole interval is below 0.";
  }
  return claim;
}

}  // namespace

Claim corruptions(const Runs& runs) {
  const Claim claim{.key = "corruptions",
                    .claim = "A high τ is robust to corruptions",
                    .reason = "Runs at τ = 1 and above, with `kelvin corrupt RUN`, measure it."};
  return gain(
      claim, runs, [](const RunResults& r) -> const nlohmann::json& { return result_of(r, "corrupt"); },
      /*is_middle=*/false);
}

Claim clean(const Runs& runs) {
  const Claim claim{.key = "clean",
                    .claim = "A moderate τ is the most accurate on clean images",
                    .reason = "Runs at τ = 1 and above measure it."};
  return gain(
      claim, runs,
      [](const RunResults& r) -> const nlohmann::json& {
        const nlohmann::json& evaluated = result_of(r, "evaluate");
        return evaluated.is_null() ? result_of(r, "train") : evaluated;
      },
      /*is_middle=*/true);
}

}  // namespace kelvin::claim_parts
