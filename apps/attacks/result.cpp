#include <algorithm>

#include "apps/attacks/settings.h"
#include "apps/evaluation/percentile.h"

namespace kelvin {
namespace {

template <class F>
double mean_over(const std::vector<AttackedImage>& images, const F& value) {
  double total = 0;
  for (const AttackedImage& image : images) total += value(image);
  return images.empty() ? 0 : total / static_cast<double>(images.size());
}

template <class F>
double mean_over_correct(const std::vector<AttackedImage>& images, const F& value) {
  double total = 0, count = 0;
  for (const AttackedImage& image : images)
    if (image.is_clean_correct()) {
      total += value(image);
      ++count;
    }
  return count > 0 ? total / count : 0;
}

}  // namespace

double AttackResult::clean_accuracy() const {
  return mean_over(images, [](const AttackedImage& i) { return i.is_clean_correct() ? 1.0 : 0.0; });
}
double AttackResult::robust_accuracy() const {
  return mean_over(images, [](const AttackedImage& i) { return i.is_robust() ? 1.0 : 0.0; });
}
double AttackResult::target_success_rate() const {
  double reached = 0, count = 0;
  for (const AttackedImage& i : images)
    if (i.target != i.label) {
      reached += i.adversarial_prediction == i.target ? 1 : 0;
      ++count;
    }
  return count > 0 ? reached / count : 0;
}
double AttackResult::zero_gradient_fraction() const {
  return mean_over_correct(images, [](const AttackedImage& i) { return i.has_zero_gradient ? 1.0 : 0.0; });
}
double AttackResult::zero_coordinate_fraction() const {
  return mean_over_correct(images, [](const AttackedImage& i) { return i.zero_coordinates; });
}
double AttackResult::mean_displacement() const {
  double total[2] = {0, 0}, count[2] = {0, 0};
  for (const AttackedImage& image : images) {
    if (image.displacement < 0) continue;
    total[image.withstood() ? 1 : 0] += static_cast<double>(image.displacement);
    ++count[image.withstood() ? 1 : 0];
  }
  const int which = count[1] > 0 ? 1 : 0;
  return count[which] > 0 ? total[which] / count[which] : 0;
}
double AttackResult::max_linf() const {
  double largest = 0;
  for (const AttackedImage& i : images) largest = std::max<double>(largest, i.linf);
  return largest;
}
double AttackResult::max_l2() const {
  double largest = 0;
  for (const AttackedImage& i : images) largest = std::max<double>(largest, i.l2);
  return largest;
}
double AttackResult::margin_percentile(double p) const {
  std::vector<double> margins;
  for (const AttackedImage& i : images) margins.push_back(i.clean_margin);
  return percentile(std::move(margins), p);
}

nlohmann::json to_json(const AttackResult& r, const AttackOptions& o, const std::string& label,
                       const std::string& title, double train_tau) {
  nlohmann::json json = {{"label", label},
                         {"title", title},
                         {"clean_accuracy", r.clean_accuracy()},
                         {"robust_accuracy", r.robust_accuracy()},
                         {"n", r.images.size()},
                         {"attack", o.attack},
                         {"loss", name_of(o.loss)},
                         {"norm", name_in(norms(), o.norm)},
                         {"eps", o.eps},
                         {"step", o.attack == "fgsm" ? o.eps : own_value(o, "step", usual_step(o.eps))},
                         {"steps", o.attack == "fgsm" ? 1 : own_value(o, "steps", own_value(o, "queries", 1))},
                         {"restarts", own_value(o, "restarts", 1)},
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
    json["members"] = nlohmann::json::array();
    for (const MemberSummary& m : r.members)
      json["members"].push_back({{"name", m.name},
                                 {"attacked", m.attacked},
                                 {"broken", m.broken},
                                 {"robust_accuracy", m.robust_accuracy},
                                 {"seconds", m.seconds}});
  }
  if (o.attack == "autoattack") json["version"] = o.autoattack.version;
  if (o.attack == "square" || o.attack == "random") json["queries"] = own_value(o, "queries", 0);
  json["warnings"] = r.warnings;
  json["displacement_from"] = moves_from_start(o) ? "start" : "image";
  if (o.targeting == Targeting::fixed) json["target_class"] = o.target_class;
  if (has_targets(o)) json["target_success_rate"] = r.target_success_rate();
  return json;
}

nlohmann::json to_json(const AttackedImage& image, std::int64_t index, const AttackResult& r) {
  nlohmann::json json = {{"index", index},
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
    json["broken_by"] = image.broken_by < 0 ? nlohmann::json()
                                            : nlohmann::json(r.members[static_cast<std::size_t>(image.broken_by)].name);
  return json;
}

}  // namespace kelvin
