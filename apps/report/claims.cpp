#include "apps/report/claims.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/report/claim_parts.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace claim_parts {

Measured measured(const Runs& all, const std::function<bool(const RunResults&)>& has) {
  Measured m;
  std::ranges::copy_if(all, std::back_inserter(m.runs), has);
  for (const RunResults& run : m.runs) {
    const nlohmann::json &train = result_of(run, "train"), &first = result_of(m.runs.front(), "train");
    if (!train.is_object() || !first.is_object()) continue;
    for (const char* key : {"model", "data", "epochs", "batch_size", "adversarial", "label_smoothing", "classifier",
                            "reparametrize", "learn_tau", "precision"})
      if (train.value(key, nlohmann::json()) != first.value(key, nlohmann::json())) m.other_difference = key;
  }
  return m;
}

Runs runs_at(const Runs& runs, double tau) {
  const auto distance = [tau](const RunResults& r) { return std::abs(std::log(r.tau / tau)); };
  Runs at;
  for (const RunResults& r : runs) {
    if (!at.empty() && distance(r) < distance(at.front())) at.clear();
    if (at.empty() || r.tau == at.front().tau) at.push_back(r);
  }
  return at;
}

TwoTaus two_taus(const Runs& runs, bool is_middle) {
  Runs above;
  std::ranges::copy_if(runs, std::back_inserter(above), [](const RunResults& r) { return r.tau > 1; });
  if (above.empty()) return {};
  const double highest = above.back().tau;
  TwoTaus t{runs_at(runs, 1), runs_at(above, is_middle ? std::sqrt(highest) : highest)};
  return t.one.front().tau < t.high.front().tau ? t : TwoTaus{};
}

namespace {
std::string formatted(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
}  // namespace

std::string signed_points(double share) {
  const std::string digits = formatted("%.1f", std::abs(100 * share));
  return digits == "0.0" ? digits : (share < 0 ? "−" : "+") + digits;
}
std::string interval_text(const MeanDifference& d) {
  return str("[", signed_points(d.low), ", ", signed_points(d.high), "]");
}
std::string p_text(double p) { return p < 0.001 ? "p < 0.001" : "p = " + formatted("%.3f", p); }

}  // namespace claim_parts

std::vector<Claim> claims_of(const nlohmann::json& runs) {
  const claim_parts::Runs list = runs_with_tau(runs);
  return {claim_parts::step_size(list),   claim_parts::direction(list),  claim_parts::distances(list),
          claim_parts::corruptions(list), claim_parts::untargeted(list), claim_parts::targeted(list),
          claim_parts::clean(list)};
}

const char* name_of(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::supported: return "supported";
    case ClaimVerdict::contradicted: return "contradicted";
    case ClaimVerdict::not_decided: return "not decided by these runs";
    case ClaimVerdict::not_measured: return "not measured";
  }
  return "unknown";
}

nlohmann::json to_json(const std::vector<Claim>& claims) {
  nlohmann::json list = nlohmann::json::array();
  for (const Claim& c : claims)
    list.push_back({{"key", c.key},
                    {"claim", c.claim},
                    {"verdict", name_of(c.verdict)},
                    {"figure", c.figure},
                    {"size", c.size},
                    {"uncertainty", c.uncertainty},
                    {"reason", c.reason}});
  return list;
}

std::string text_of(const std::vector<Claim>& claims) {
  std::string text;
  for (const Claim& c : claims)
    if (c.verdict != ClaimVerdict::not_measured)
      text += str(c.claim, ": ", name_of(c.verdict), "\n  figure: ", c.figure, "\n  size: ", c.size,
                  "\n  uncertainty: ", c.uncertainty, "\n  reason: ", c.reason, "\n");
  return text;
}

}  // namespace kelvin
