// The audit's checks with other models: twins, the model in the other precision, and models that are known to be broken.
#include <algorithm>

#include "apps/analysis/auditor.h"
#include "apps/analysis/logit_scale.h"
#include "apps/evaluation/evaluate.h"

namespace kelvin {
namespace {

using audit_text::scaled_text;
using audit_text::share;
using Flags = audit_text::Flags;

constexpr float kGreyReach = 128.0f / 255.0f;  // any image can be changed to a grey one

// The set with the images that the attack returns.
ImageSet found_images(Model& model, const ImageSet& set, const AttackOptions& options) {
  ImageSet found = set;
  found.bytes.clear();
  found.reader = {};
  found.floats.resize(static_cast<std::size_t>(set.count * set.pixels()));
  (void)attack(model, set, options, [&](std::int64_t first, const Tensor&, const Tensor& adversarial) {
    std::ranges::copy(adversarial.to_host<float>(), found.floats.begin() + first * set.pixels());
  });
  share_rows(std::span(found.floats), set.pixels(), options.batch_size);
  return found;
}

// The same weights in another precision.
std::unique_ptr<Model> in_precision(const Model& model, DType precision) {
  ModelSpec spec = model.spec();
  spec.precision = precision;
  const Device device = model.parameters().values().device();
  require_precision(precision, device);
  std::unique_ptr<Model> copy = make_model(spec, device, 0);
  for (const Parameter& p : model.parameters()) copy->parameters().find(p.spec.name)->value.copy_from(p.value);
  for (const Parameter& p : model.parameters().buffers())
    copy->parameters().find(p.spec.name)->value.copy_from(p.value);
  return copy;
}

// For each image, whether the largest logit is that of another class.
Flags differing(const Predictions& a, const Predictions& b) {
  const auto top = [](const Predictions& p, std::int64_t i) {
    const auto row = p.logits.begin() + i * p.classes;
    return std::max_element(row, row + p.classes) - row;
  };
  Flags flags;
  for (std::int64_t i = 0; i < a.count; ++i) flags.push_back(top(a, i) != top(b, i) ? 1 : 0);
  return flags;
}

}  // namespace

// Each twin by itself; the worst of them is the figure.
void Auditor::transfer() {
  begin("transfer");
  if (o_.twins.empty()) return not_run("transfer", "no twin given: a model trained at tau 1");
  std::vector<AuditComparison> comparisons;
  Json twins = Json::array();
  std::string each;
  double lowest = 1;
  for (const AuditTwin& twin : o_.twins) {
    const ImageSet moved = found_images(*twin.model, set_, pgd(AttackLoss::log_odds));
    const Robust left = audit_text::both(clean_, correct_images(predict(model_, moved, o_.attack.batch_size)));
    note(pgd(AttackLoss::log_odds), Counts::towards_worst, "images made on " + twin.name, all_rows_, left);
    worst_ = audit_text::both(worst_, left);
    comparisons.push_back(paired("transfer from " + twin.name, left_by_ce_, left, 0));
    twins.push_back({{"twin", twin.name}, {"robust_accuracy", share(left)}});
    each += str(each.empty() ? "" : ", ", twin.name, " ", percent(share(left)));
    lowest = std::min(lowest, share(left));
  }
  judge("transfer",
        str("images made on a twin leave ", percent(lowest), ", plain PGD ", percent(ce_),
            o_.twins.size() > 1 ? " (" + each + ")" : ""),
        "images made on a twin are stronger than the white-box attack", Means::as_saturated, std::move(comparisons),
        {{"robust_accuracy", lowest}, {"twins", twins}});
}

// The same weights in bfloat16, or in float32 if the model is in bfloat16: predictions, the images that log-odds PGD found, and plain PGD.
void Auditor::precision() {
  begin("precision");
  const bool is_float32 = model_.spec().precision == DType::f32;
  const std::string other_name = is_float32 ? "bfloat16" : "float32";
  std::unique_ptr<Model> other;
  try {
    other = in_precision(model_, is_float32 ? DType::bf16 : DType::f32);
  } catch (const Error& e) {
    return not_run("precision", e.what());
  }
  const int batch = o_.attack.batch_size;
  const Flags clean = differing(predict(model_, set_, batch), predict(*other, set_, batch));
  const ImageSet found = found_images(model_, set_, pgd(AttackLoss::log_odds));
  const Flags robust = correct_images(predict(model_, found, batch)),
              robust_in_other = correct_images(predict(*other, found, batch));
  Flags changed(robust.size());
  for (std::size_t i = 0; i < changed.size(); ++i) changed[i] = robust[i] ^ robust_in_other[i];
  const AttackOptions plain = pgd(AttackLoss::cross_entropy);
  const Robust left = audit_text::robust_images(attack(*other, set_, plain));
  note(plain, Counts::nowhere, "the model in " + other_name, all_rows_, left);
  AuditCheck& check =
      judge("precision",
            str("in ", other_name, " ", percent(share(clean)), " of the predictions differ, and whether ",
                percent(share(changed)), " of the images that log-odds PGD returned are right; plain PGD leaves ",
                percent(share(left)), ", here ", percent(ce_)),
            str("plain PGD is stronger in ", other_name), Means::weak_attack,
            {paired("PGD in " + other_name, left_by_ce_, left, kPoints)},
            {{"other", other_name},
             {"predictions_differ", share(clean)},
             {"found_images_differ", share(changed)},
             {"ce", share(left)}});
  if (fails(share_of("predictions differ", clean, set_.count, kPoints))) check.verdict = Verdict::failed_harness;
}

// The same attacks on models that are known to be broken: logits times 100, which hides the gradient and changes no prediction; and the
// undefended twins, if there are any, with an ε that reaches a grey image.
void Auditor::known_broken_model() {
  begin("known-broken model");
  AuditCheck c{"known-broken model", "", "the harness must see through a factor, and break undefended models",
               Verdict::passes, Json::object()};
  {
    const LogitScale scaled(model_, 100);
    const Robust left = left_by(pgd(AttackLoss::log_odds), Counts::towards_sound_and_worst, scaled_text(100));
    c.figures = str("logits x 100: log-odds PGD leaves ", percent(share(left)), ", unscaled margin PGD ",
                    percent(share(left_by_margin_)));
    c.values["log_odds"] = share(left);
    if (fails(paired("unscaled margin", left, left_by_margin_, kPoints))) c.verdict = Verdict::failed_harness;
  }
  AttackOptions wide = pgd(AttackLoss::log_odds);
  wide.norm = Norm::linf;
  wide.eps = kGreyReach;
  wide.pgd.step.reset();
  for (const AuditTwin& twin : o_.twins) {
    const Robust left = audit_text::robust_images(attack(*twin.model, set_, wide));
    c.figures += str("; ", twin.name, " at 128/255 ", percent(share(left)));
    c.values["twin"] = std::max(c.values.value("twin", 0.0), share(left));
    if (fails(share_of(twin.name, left, set_.count, 1.0 / model_.spec().classes))) c.verdict = Verdict::failed_harness;
  }
  a_.checks.push_back(std::move(c));
}

}  // namespace kelvin
