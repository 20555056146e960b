#include "apps/report/results.h"

#include <cmath>

namespace kelvin {
namespace {

const char* name_of(Targeting t) {
  switch (t) {
    case Targeting::none: return "none";
    case Targeting::random: return "random";
    case Targeting::least_likely: return "least-likely";
    case Targeting::fixed: return "fixed";
  }
  return "?";
}

}  // namespace

Json to_json(const Evaluation& e, const std::vector<std::string>& class_names, double eval_tau, double train_tau) {
  Json per_class = Json::array();
  for (const double a : e.per_class_accuracy) per_class.push_back(std::isnan(a) ? Json() : Json(a));
  return {{"accuracy", e.accuracy},
          {"nll", e.nll},
          {"ece", e.ece},
          {"n", e.n},
          {"eval_tau", eval_tau},
          {"train_tau", train_tau},
          {"per_class_accuracy", per_class},
          {"class_names", class_names}};
}

Json to_json(const CorruptionTable& table, double train_tau) {
  Json rows = Json::array();
  for (const CorruptionRow& r : table.rows)
    rows.push_back({{"corruption", r.corruption}, {"severity", r.severity}, {"accuracy", r.accuracy}});
  return {{"mean_accuracy", table.mean_accuracy()}, {"n", table.n}, {"train_tau", train_tau}, {"rows", rows}};
}

Json to_json(const Geometry& g, double train_tau) {
  return {{"n", g.n},
          {"mean_distance", g.mean_distance},
          {"mean_distance_variance", g.mean_distance_variance},
          {"coefficient_of_variation", g.coefficient_of_variation},
          {"cosine_coefficient_of_variation", g.cosine_coefficient_of_variation},
          {"feature_norm", g.feature_norm},
          {"prototype_norm", g.prototype_norm},
          {"prototype_norm_spread", g.prototype_norm_spread},
          {"prototype_cosine", g.prototype_cosine},
          {"histogram", {{"edges", g.histogram.edges}, {"counts", g.histogram.counts}}},
          {"train_tau", train_tau}};
}

Json to_json(const AttackResult& r, const AttackOptions& o, const std::string& label, const std::string& title,
             double train_tau) {
  Json json = {{"label", label},
               {"title", title},
               {"clean_accuracy", r.clean_accuracy()},
               {"robust_accuracy", r.robust_accuracy()},
               {"n", r.images.size()},
               {"attack", o.attack},
               {"loss", name_of(o.loss)},
               {"norm", o.norm == Norm::linf ? "linf" : "l2"},
               {"eps", o.eps},
               {"step", o.attack == "fgsm" ? o.eps : o.step},
               {"steps", o.attack == "fgsm" ? 1 : o.steps},
               {"restarts", o.restarts},
               {"targeted", name_of(o.targeting)},
               {"seed", o.seed},
               {"train_tau", train_tau},
               {"eval_tau", o.eval_tau},
               {"attack_tau", o.attack_tau},
               {"zero_gradient_fraction", r.zero_gradient_fraction()},
               {"zero_coordinate_fraction", r.zero_coordinate_fraction()},
               {"max_linf", r.max_linf()},
               {"max_l2", r.max_l2()},
               {"mean_displacement", r.mean_displacement()},
               {"median_margin", r.margin_percentile(50)},
               {"margin_percentiles",
                {{"p5", r.margin_percentile(5)},
                 {"p25", r.margin_percentile(25)},
                 {"p50", r.margin_percentile(50)},
                 {"p75", r.margin_percentile(75)},
                 {"p95", r.margin_percentile(95)}}}};
  if (o.targeting != Targeting::none) json["target_success_rate"] = r.target_success_rate();
  return json;
}

std::string title_of(const AttackOptions& o) {
  const std::string name = o.attack == "fgsm" ? "FGSM" : str("PGD-", o.steps);
  const std::string tau = o.loss == AttackLoss::margin ? "" : str(", attack τ = ", o.attack_tau);
  return name + ", " + name_of(o.loss) +
         (o.targeting == Targeting::none ? "" : str(", targeted ", name_of(o.targeting))) + tau;
}

}  // namespace kelvin
