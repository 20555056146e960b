#include "apps/card/reference.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kelvin {
namespace {

// Published figures have two decimals.
std::string two_decimals(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", 100 * share);
  return text;
}

Json compared_row(const std::string& figure, const std::string& title, double published, const Json& ours) {
  const double mine = ours.at("accuracy"), low = ours.at("low"), high = ours.at("high"), difference = mine - published;
  const bool is_within = low <= published && published <= high;
  const std::string size = difference == 0 ? std::string("the same")
                                           : str(two_decimals(std::abs(difference)), " points ",
                                                 difference > 0 ? "above" : "below", " the published figure");
  return {{"figure", figure},
          {"title", title},
          {"published", published},
          {"ours", mine},
          {"difference", difference},
          {"is_within_interval", is_within},
          {"text", str(title, " ", two_decimals(mine), " %, published ", two_decimals(published), " %: ", size,
                       ", which is ", is_within ? "within" : "outside", " our interval of ", two_decimals(low), " to ",
                       two_decimals(high), " %")}};
}

Json differences(const Json& card, const AuditOptions& o, const Audit& a) {
  Json lines = Json::array();
  const Json& data = card.at("data");
  lines.push_back(str("images: ", data.at("which").get<std::string>(), " here",
                      data.at("is_whole_half").get<bool>() ? "" : "; publications usually take the whole test half"));
  const auto counting = std::ranges::count_if(a.attacks, &AuditAttack::counts);
  lines.push_back(
      str("attacks: publications usually give AutoAttack alone; our worst case is the minimum for each image over ",
          counting, " attacks, AutoAttack among them, so it cannot lie above it"));
  if (const AuditOptions usual; o.queries != usual.queries ||
                                o.attack.autoattack.steps != usual.attack.autoattack.steps ||
                                o.attack.autoattack.targets != usual.attack.autoattack.targets)
    lines.push_back(str("AutoAttack: not its standard form here; Square has ", o.queries, " queries, ", usual.queries,
                        " are standard"));
  lines.push_back(str("threat model: the comparison holds only if the published figure has the same one, ",
                      card.at("threat_model").at("ball").get<std::string>()));
  lines.push_back(str("rounding and random starts: other libraries, and seed ", o.attack.seed, " here"));
  return lines;
}

}  // namespace

Json compared(const Json& card, const AuditOptions& o, const Audit& a, const CardReference& reference) {
  const Json& accuracy = card.at("accuracy");
  Json rows = Json::array();
  if (reference.clean) rows.push_back(compared_row("clean", "Clean accuracy", *reference.clean, accuracy.at("clean")));
  if (reference.robust) {
    rows.push_back(compared_row("autoattack", "AutoAttack alone", *reference.robust, accuracy.at("autoattack")));
    rows.push_back(compared_row("worst_case", "Worst case", *reference.robust, accuracy.at("worst_case")));
  }
  return {{"rows", rows}, {"differs", differences(card, o, a)}};
}

}  // namespace kelvin
