// Claims about gradients and geometry: step size, direction, distances to the prototypes.
#include <algorithm>
#include <cmath>

#include "apps/evaluation/percent.h"
#include "apps/report/claim_parts.h"
#include "kernels/device/error.h"

namespace kelvin::claim_parts {
namespace {

using Json = nlohmann::json;

// The rows of a study of gradients that have a temperature, a step size and shares, by loss temperature.
struct LossRow {
  double tau = 0, step = 0, hardest = 0;  // (1 − p_y)/τ, α of the hardest wrong class; means over images
  std::size_t negatives = 0;
  std::optional<double> prototype_l2;
};
std::vector<LossRow> loss_rows(const RunResults& run) {
  std::vector<LossRow> rows;
  const Json& study = result_of(run, "gradients");
  if (!study.is_object() || !study.contains("rows")) return rows;
  for (const Json& row : study["rows"]) {
    const auto tau = number_at(row, {"tau"}), step = number_at(row, {"step_size"});
    if (!tau || *tau <= 0 || !step || !row.contains("alpha_shares")) continue;
    const Json& shares = row["alpha_shares"];
    if (shares.is_array() && !shares.empty() && shares[0].is_number())
      rows.push_back({*tau, *step, shares[0].get<double>(), shares.size(), number_at(row, {"true_prototype_l2"})});
  }
  std::ranges::sort(rows, {}, &LossRow::tau);
  return rows;
}

LossRow nearest(const std::vector<LossRow>& rows, double tau) {
  return std::ranges::min(rows, {}, [tau](const LossRow& r) { return std::abs(std::log(r.tau / tau)); });
}

Runs with_gradients(const Runs& all) {
  return measured(all, [](const RunResults& r) { return loss_rows(r).size() > 1; }).runs;
}

std::string images_of(const RunResults& run) {
  const auto n = number_at(result_of(run, "gradients"), {"n"});
  return n ? str(" of ", *n, " images") : std::string();
}

}  // namespace

Claim step_size(const Runs& all) {
  Claim claim{.key = "step-size",
              .claim = "τ sets the step size: a higher τ of the loss takes shorter steps",
              .reason = "`kelvin gradients RUN` measures it."};
  const Runs runs = with_gradients(all);
  if (runs.empty()) return claim;
  const RunResults run = runs_at(runs, 1).front();
  const std::vector<LossRow> rows = loss_rows(run);
  const LossRow one = nearest(rows, 1), high = rows.back();
  if (one.tau >= high.tau) return claim;
  claim.figure = str("mean (1 − p_y)/τ is ", three_digits(one.step), " at loss τ = ", one.tau, ", ",
                     three_digits(high.step), " at loss τ = ", high.tau, " (model trained at τ = ", run.tau, ")");
  claim.size = str(three_digits(one.step / high.step), " times shorter where τ is ", three_digits(high.tau / one.tau),
                   " times higher");
  if (one.prototype_l2 && high.prototype_l2 && *high.prototype_l2 > 0)
    claim.size += str("; the gradient of the true class's prototype ",
                      three_digits(*one.prototype_l2 / *high.prototype_l2), " times");
  claim.uncertainty = str("none: the formula is algebra, the figures are means", images_of(run), " of one model");
  claim.verdict = high.step < one.step ? ClaimVerdict::supported : ClaimVerdict::contradicted;
  claim.reason =
      high.step < one.step
          ? "1/τ shortens the step, and 1 − p_y, which rises with τ, takes some of it back. The learning rate times τ "
            "undoes it."
          : "On this model 1 − p_y grows faster than τ: its images are so sure at the lower τ that they hardly count.";
  return claim;
}

Claim direction(const Runs& all) {
  Claim claim{
      .key = "direction",
      .claim = "τ sets the direction: a low τ pushes the hardest class away, a high one all wrong classes alike",
      .reason = "`kelvin gradients RUN` measures it."};
  const Runs runs = with_gradients(all);
  if (runs.empty()) return claim;
  const RunResults run = runs_at(runs, 1).front(), highest = runs.back();
  const std::vector<LossRow> rows = loss_rows(run);
  const LossRow low = rows.front(), high = rows.back();
  claim.figure = str("the hardest wrong class takes ", percent(low.hardest), " of the push at loss τ = ", low.tau, ", ",
                     percent(high.hardest), " at loss τ = ", high.tau, " (model trained at τ = ", run.tau, ")");
  claim.size = str(signed_points(high.hardest - low.hardest), " points; equal shares are ",
                   percent(1 / static_cast<double>(high.negatives)));
  claim.uncertainty = str("none: the formula is algebra, the figures are means", images_of(run), " of one model");
  claim.verdict = high.hardest < low.hardest ? ClaimVerdict::supported : ClaimVerdict::contradicted;
  claim.reason = high.hardest < low.hardest ? "The shares even out." : "The shares do not even out on this model.";
  if (highest.tau > run.tau) {
    const LossRow own = nearest(loss_rows(highest), highest.tau);
    claim.reason += str(" That is the loss on a finished model: training at τ = ", highest.tau,
                        " makes logits of that order, and there, with the loss at τ = ", own.tau,
                        ", the hardest class takes ", percent(own.hardest), " again.");
  }
  return claim;
}

Claim distances(const Runs& all) {
  constexpr const char *kRaw = "coefficient_of_variation", *kUnit = "cosine_coefficient_of_variation";
  Claim claim{.key = "distances",
              .claim = "Training at a high τ makes the distances to the wrong prototypes more equal",
              .reason = "Runs at τ = 1 and above, with `kelvin geometry RUN`, measure it."};
  const auto figure = [](const RunResults& r, const char* name) { return number_at(result_of(r, "geometry"), {name}); };
  const Measured m = measured(all, [&](const RunResults& r) { return figure(r, kRaw) && figure(r, kUnit); });
  const TwoTaus t = two_taus(m.runs);
  if (t.one.empty()) return claim;
  std::vector<double> taus, unit;
  for (const RunResults& r : m.runs) {
    taus.push_back(r.tau);
    unit.push_back(*figure(r, kUnit));
  }
  const auto change = [&](const char* name) {
    return str(three_digits(*figure(t.one.front(), name)), " → ", three_digits(*figure(t.high.front(), name)));
  };
  const auto times = [&](const char* name) {
    return three_digits(*figure(t.high.front(), name) / *figure(t.one.front(), name));
  };
  claim.figure = str("from τ = ", t.one.front().tau, " to ", t.high.front().tau, " the coefficient of variation goes ",
                     change(kUnit), " on unit vectors, ", change(kRaw), " on raw ones");
  if (figure(t.one.front(), "mean_distance_variance") && figure(t.high.front(), "mean_distance_variance"))
    claim.figure += str(", the variance ", change("mean_distance_variance"));
  claim.size =
      str("times ", times(kUnit), " of unit vectors, which no scale changes; the others follow the last layer");
  const Trend trend = trend_of(taus, unit);
  claim.uncertainty =
      str("Kendall's rank correlation of unit vectors with τ over ", m.runs.size(), " trainings is ",
          three_digits(trend.tau_a), ", ", p_text(trend.p), m.runs.size() <= 8 ? " (all orders counted)" : "");
  const bool is_decided = trend.p < kClaimLevel && m.other_difference.empty();
  claim.verdict = !is_decided       ? ClaimVerdict::not_decided
                  : trend.tau_a < 0 ? ClaimVerdict::supported
                                    : ClaimVerdict::contradicted;
  if (!m.other_difference.empty())
    claim.reason = str("The runs differ in ", m.other_difference, ", too.");
  else if (!is_decided)
    claim.reason = "These trainings show no trend beyond chance.";
  else
    claim.reason = trend.tau_a < 0 ? "Free of scale, the spread falls with τ."
                                   : "Free of scale, the spread rises with τ: distances become less equal.";
  claim.reason += " On these images, of this recipe; nothing here says what causes what.";
  return claim;
}

}  // namespace kelvin::claim_parts
