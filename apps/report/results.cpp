#include "apps/report/results.h"

#include <cmath>

#include "apps/attacks/known_attacks.h"
#include "apps/attacks/settings.h"

namespace kelvin {
namespace {

const char* name_of(Targeting t) {
  switch (t) {
    case Targeting::none: return "none";
    case Targeting::random: return "random";
    case Targeting::least_likely: return "least-likely";
    case Targeting::second_most_likely: return "second-most-likely";
    case Targeting::all: return "all";
    case Targeting::fixed: return "fixed";
  }
  return "?";
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

}  // namespace

Json to_json(const Evaluation& e, const std::vector<std::string>& class_names, double eval_tau, double train_tau) {
  Json per_class = Json::array(), names = Json::array();
  for (std::size_t c = 0; c < e.per_class_accuracy.size(); ++c) {
    if (std::isnan(e.per_class_accuracy[c])) continue;
    per_class.push_back(e.per_class_accuracy[c]);
    names.push_back(c < class_names.size() ? class_names[c] : std::to_string(c));
  }
  return {{"accuracy", e.accuracy},
          {"nll", e.nll},
          {"ece", e.ece},
          {"n", e.n},
          {"eval_tau", eval_tau},
          {"train_tau", train_tau},
          {"per_class_accuracy", per_class},
          {"class_names", names}};
}

Json to_json(const Calibration& c, const std::string& role) {
  const auto bins_of = [](const std::vector<ReliabilityBin>& bins) {
    Json list = Json::array();
    for (const ReliabilityBin& b : bins)
      list.push_back({{"low", b.low},
                      {"high", b.high},
                      {"count", b.count},
                      {"confidence", b.confidence},
                      {"accuracy", b.accuracy}});
    return list;
  };
  return {{"role", role},
          {"tau", c.tau},
          {"accuracy", c.accuracy},
          {"nll", c.nll},
          {"ece", c.ece},
          {"adaptive_ece", c.adaptive_ece},
          {"mce", c.mce},
          {"brier", c.brier},
          {"bins", bins_of(c.bins)},
          {"adaptive_bins", bins_of(c.adaptive_bins)}};
}

Json calibrations_of(const Predictions& p, double train_tau) {
  Json list = {to_json(calibrate(p, 1), "1")};
  if (train_tau != 1) list.push_back(to_json(calibrate(p, train_tau), "training"));
  return list;
}

Json to_json(const CorruptionTable& table, double train_tau) {
  Json rows = Json::array();
  for (const CorruptionRow& r : table.rows) {
    Json row = {{"corruption", r.corruption}, {"severity", r.severity}, {"accuracy", r.accuracy}};
    if (r.paired) {
      row["baseline_accuracy"] = r.paired->baseline_accuracy;
      row["only_model"] = r.paired->only_model;
      row["only_baseline"] = r.paired->only_baseline;
      row["p_value"] = r.paired->p_value();
    }
    rows.push_back(std::move(row));
  }
  Json json = {{"mean_accuracy", table.mean_accuracy()}, {"n", table.n}, {"train_tau", train_tau}, {"rows", rows}};
  if (table.has_baseline()) {
    json["mce"] = or_null(table.mce());
    json["mce_left_out"] = table.left_out_of_mce();
  }
  return json;
}

Json to_json(const Geometry& g, double train_tau) {
  const auto histogram = [](const Histogram& h) { return Json{{"edges", h.edges}, {"counts", h.counts}}; };
  Json json = {{"n", g.n},
               {"mean_distance", g.mean_distance},
               {"mean_distance_variance", g.mean_distance_variance},
               {"coefficient_of_variation", g.coefficient_of_variation},
               {"cosine_coefficient_of_variation", g.cosine_coefficient_of_variation},
               {"feature_norm", g.feature_norm},
               {"prototype_norm", g.prototype_norm},
               {"prototype_norm_spread", g.prototype_norm_spread},
               {"prototype_cosine", g.prototype_cosine},
               {"prototype_cosine_spread", g.prototype_cosine_spread},
               {"prototype_cosine_deviation", g.prototype_cosine_deviation},
               {"histogram", histogram(g.histogram)},
               {"unit_histogram", histogram(g.unit_histogram)},
               {"feature_rank",
                {{"dimension", g.feature_rank.dimension},
                 {"numerical", g.feature_rank.numerical},
                 {"one_percent", g.feature_rank.one_percent},
                 {"effective", g.feature_rank.effective},
                 {"stable", g.feature_rank.stable},
                 {"variance_shares", g.feature_rank.variance_shares}}},
               {"collapse", nullptr},
               {"train_tau", train_tau}};
  if (g.collapse)
    json["collapse"] = {{"classes", g.collapse->classes},
                        {"within_between", g.collapse->within_between},
                        {"class_mean_norm_spread", g.collapse->class_mean_norm_spread},
                        {"class_mean_cosine_deviation", g.collapse->class_mean_cosine_deviation},
                        {"class_mean_alignment", g.collapse->class_mean_alignment},
                        {"nearest_centre_agreement", g.collapse->nearest_centre_agreement}};
  return json;
}

Json to_json(const GradientStudy& study, const std::vector<std::string>& class_names, double train_tau) {
  Json rows = Json::array();
  for (const GradientsAtTau& r : study.rows)
    rows.push_back({{"tau", r.tau},
                    {"alpha_shares", r.alpha_shares},
                    {"effective_negatives", r.effective_negatives},
                    {"alpha_entropy", r.alpha_entropy},
                    {"class_share", r.class_share},
                    {"step_size", r.step_size},
                    {"median_step_size", r.median_step_size},
                    {"image_participation", r.image_participation},
                    {"true_prototype_l2", r.true_prototype_l2},
                    {"negative_prototype_l2", r.negative_prototype_l2},
                    {"hardest_prototype_l2", r.hardest_prototype_l2},
                    {"feature_l2", r.feature_l2},
                    {"input_l1", r.input_l1},
                    {"input_l2", r.input_l2},
                    {"input_linf", r.input_linf},
                    {"zero_images", r.zero_images},
                    {"zero_coordinates", r.zero_coordinates},
                    {"prototype_cosine", or_null(r.prototype_cosine)},
                    {"feature_cosine", or_null(r.feature_cosine)},
                    {"input_cosine", or_null(r.input_cosine)},
                    {"set_prototype_cosine", or_null(r.set_prototype_cosine)}});
  Json distance;
  const char* const names[] = {"p5", "p25", "p50", "p75", "p95"};
  for (std::size_t i = 0; i < study.linearized_distance.size(); ++i) distance[names[i]] = study.linearized_distance[i];
  return {{"n", study.n},
          {"accuracy", study.accuracy},
          {"train_tau", train_tau},
          {"class_names", class_names},
          {"linearized_distance", distance},
          {"rows", rows}};
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
               {"lowest_pixel", r.lowest_pixel},
               {"highest_pixel", r.highest_pixel},
               {"not_finite_pixels", r.not_finite},
               {"seconds", r.seconds},
               {"mean_displacement", r.mean_displacement()},
               {"median_margin", r.margin_percentile(50)},
               {"margin_percentiles",
                {{"p5", r.margin_percentile(5)},
                 {"p25", r.margin_percentile(25)},
                 {"p50", r.margin_percentile(50)},
                 {"p75", r.margin_percentile(75)},
                 {"p95", r.margin_percentile(95)}}}};
  if (!r.members.empty()) {
    json["members"] = Json::array();
    for (const MemberSummary& m : r.members)
      json["members"].push_back({{"name", m.name},
                                 {"attacked", m.attacked},
                                 {"broken", m.broken},
                                 {"robust_accuracy", m.robust_accuracy},
                                 {"seconds", m.seconds}});
  }
  if (o.attack == "autoattack") json["version"] = o.version;
  if (o.attack == "square" || o.attack == "random") json["queries"] = o.queries;
  json["warnings"] = r.warnings;
  json["displacement_from"] = moves_from_start(o) ? "start" : "image";
  if (o.targeting == Targeting::fixed) json["target_class"] = o.target_class;
  if (has_targets(o)) json["target_success_rate"] = r.target_success_rate();
  return json;
}

std::string title_of(const AttackOptions& o) {
  const std::string title = known_attack(o.attack, o.norm).title;
  const auto has = [&](const char* flag) { return takes(flag, o.attack, o.norm); };
  if (has("version")) return title + " " + o.version;
  if (has("queries")) return str(title, ", ", o.queries, " queries");
  const std::string targeted = o.targeting == Targeting::none    ? ""
                               : o.targeting == Targeting::fixed ? str(", targeted ", o.target_class)
                                                                 : str(", targeted ", name_of(o.targeting));
  if (!has("loss")) return str(title, ", ", o.steps, " steps", targeted);
  const std::string tau = o.loss == AttackLoss::margin ? "" : str(", attack τ = ", o.attack_tau);
  return str(title, has("steps") ? str("-", o.steps) : "", ", ", name_of(o.loss), targeted, tau);
}

Json to_json(const AttackedImage& image, std::int64_t index, const AttackResult& r) {
  Json json = {{"index", index},
               {"label", image.label},
               {"clean_prediction", image.clean_prediction},
               {"adversarial_prediction", image.adversarial_prediction},
               {"robust", image.is_robust()},
               {"clean_margin", image.clean_margin},
               {"adversarial_margin", image.adversarial_margin},
               {"linf", image.linf},
               {"l2", image.l2},
               {"zero_gradient", image.has_zero_gradient}};
  if (image.target >= 0) json["target"] = image.target;
  if (image.minimal_distance >= 0) json["minimal_distance"] = image.minimal_distance;
  if (!r.members.empty())
    json["broken_by"] = image.broken_by < 0 ? Json() : Json(r.members[static_cast<std::size_t>(image.broken_by)].name);
  return json;
}

}  // namespace kelvin
