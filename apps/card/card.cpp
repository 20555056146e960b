#include "apps/card/card.h"

#include <algorithm>
#include <cmath>

#include "apps/analysis/proportion_interval.h"
#include "apps/attacks/settings.h"
#include "apps/card/reference.h"
#include "apps/evaluation/percent.h"

namespace kelvin {
namespace {

// For a reader: what the number does not say.
constexpr const char* kCovers =
    "Each interval is for the choice of the images alone: other images of the same kind. It does not cover another "
    "training of the model, "
    "nor a stronger attack: accuracy under attack is an upper bound of robustness.";

Json model_of(const CardSubject& s, const AuditOptions& o) {
  Json files = Json::array();
  for (const CardFile& f : s.weights) files.push_back({{"file", f.name}, {"sha256", f.sha256}, {"bytes", f.bytes}});
  return {{"name", s.model},
          {"known_from", s.model_from},
          {"parameters", s.parameters},
          {"classes", s.classes},
          {"train_tau", o.train_tau},
          {"weights", files},
          {"is_average", s.is_average},
          {"normalisation", {{"mean", s.mean}, {"std", s.std}, {"from", s.normalisation_from}}}};
}

Json data_of(const CardSubject& s, const Audit& a) {
  return {{"name", s.data},
          {"half", s.half},
          {"images", a.n},
          {"which", str(s.is_whole_half ? "all " : "the first ", a.n, " images of the ", s.half, " half")},
          {"is_whole_half", s.is_whole_half},
          {"sha256", s.images_sha256},
          {"class_names", s.class_names}};
}

Json threat_of(const Audit& a) {
  return {{"norm", name_in(norms(), a.norm)},
          {"eps", a.eps},
          {"eps_text", pixel_text(a.eps)},
          {"box", {0, 1}},
          {"ball", str(a.norm == Norm::l2 ? "L2" : "Linf", " ball of radius ", pixel_text(a.eps),
                       " around each image, cut to pixels in [0, 1]")},
          {"attacker", "knows the model and its weights"}};
}

Json environment_of(const CardSubject& s, const AuditOptions& o) {
  Json e = {{"version", s.version},
            {"device", s.device},
            {"precision", s.precision},
            {"tf32", s.tf32},
            {"batch_size", o.attack.batch_size},
            {"seed", o.attack.seed}};
  if (!s.commit.empty()) e["commit"] = s.commit;
  if (!s.onednn.empty()) e["oneDNN"] = s.onednn;
  return e;
}

Json accuracies_of(const Audit& a) {
  const auto row = [&a](double share) {
    const auto right = static_cast<std::int64_t>(std::llround(share * static_cast<double>(a.n)));
    const ProportionInterval i = clopper_pearson(right, a.n, kCardLevel);
    return Json{{"right", right}, {"accuracy", share}, {"low", i.low}, {"high", i.high}};
  };
  return {{"images", a.n},
          {"level", kCardLevel},
          {"interval", "Clopper-Pearson (1934, Biometrika 26:404), exact"},
          {"covers", kCovers},
          {"clean", row(a.clean_accuracy)},
          {"paper_faithful", row(a.paper_faithful)},
          {"sound", row(a.sound)},
          {"autoattack", row(a.autoattack)},
          {"worst_case", row(a.worst_case)}};
}

Json attack_of(const AuditAttack& attack) {
  Json members = Json::array();
  for (const MemberSummary& m : attack.members)
    members.push_back({{"name", m.name}, {"attacked", m.attacked}, {"broken", m.broken}});
  Json json = {{"title", title_of(attack.options)}, {"on", attack.on},     {"counts", attack.counts},
               {"attacked", attack.attacked},       {"left", attack.left}, {"settings", settings_json(attack.options)}};
  if (!members.empty()) json["members"] = members;
  return json;
}

Json image_of(const AuditedImage& image, std::size_t index) {
  return {{"index", index},
          {"label", image.label},
          {"prediction", image.prediction},
          {"correct", image.is_correct()},
          {"robust", image.is_robust()},
          {"left_by_plain_pgd", image.is_left_by_plain},
          {"broken_by", image.first_broken_by < 0 ? Json() : Json(image.first_broken_by)},
          {"times_broken", image.times_broken},
          {"zero_gradient", image.has_zero_gradient},
          {"saturated", image.is_saturated},
          {"margin", image.margin}};
}

}  // namespace

std::string pixel_text(double value) {
  const double pixels = std::round(255 * value);
  return pixels > 0 && std::abs(255 * value - pixels) < 1e-4 ? str(pixels, "/255") : three_digits(value);
}

Json card_json(const CardSubject& s, const AuditOptions& o, const Audit& a, const CardReference& reference) {
  Json attacks = Json::array(), images = Json::array();
  for (const AuditAttack& attack : a.attacks) attacks.push_back(attack_of(attack));
  for (const AuditedImage& image : a.images) images.push_back(image_of(image, images.size()));
  const Json audited = to_json(a);
  Json verdict;
  for (const char* key : {"verdict", "sentence", "certificate", "level", "smallest_difference", "attack_gap",
                          "median_margin", "warnings", "checks"})
    verdict[key] = audited.at(key);
  Json json = {{"card", 1},
               {"model", model_of(s, o)},
               {"data", data_of(s, a)},
               {"threat_model", threat_of(a)},
               {"environment", environment_of(s, o)},
               {"accuracy", accuracies_of(a)},
               {"audit", verdict},
               {"attacks", attacks},
               {"images", images},
               {"notes", s.notes}};
  if (reference.robust || reference.clean) json["reference"] = compared(json, o, a, reference);
  return json;
}

}  // namespace kelvin
