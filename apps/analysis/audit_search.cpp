// The audit's checks of effort: more steps, another kind of search, a wider ball, another model, and whether the harness itself works.
#include <algorithm>
#include <cmath>

#include "apps/analysis/auditor.h"
#include "apps/analysis/logit_scale.h"
#include "apps/attacks/victim.h"

namespace kelvin {
namespace {

using audit_text::share;

constexpr double kBlackBoxFlag = 0.002;        // AutoAttack's
constexpr float kGreyReach = 128.0f / 255.0f;  // any image can be changed to a grey one
constexpr std::size_t kRandomImages = 100;     // the number of survivors around which random points are drawn

}  // namespace

void Auditor::one_step() {
  begin("one step");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  o.attack = "fgsm";
  const double fgsm = attacked(o).robust_accuracy();
  check("one step", str("FGSM ", percent(fgsm), ", PGD ", percent(ce_)), "one step stronger than many",
        fgsm < ce_ - kHalfAPoint, {{"fgsm", fgsm}, {"pgd", ce_}});
}

void Auditor::eps_curve() {
  begin("epsilon");
  Json curve = Json::array({{{"eps", 0}, {"robust_accuracy", a_.clean_accuracy}}});
  double previous = a_.clean_accuracy, last = previous;
  bool rises = false;
  std::string figures = str("0: ", percent(previous));
  for (const int level : {2, 4, 8, 16, 32, 64, 128}) {
    AttackOptions o = pgd(AttackLoss::cross_entropy);
    o.norm = Norm::linf;
    o.eps = static_cast<float>(level) / 255;
    o.pgd.step.reset();
    last = attacked(o, Counts::nowhere).robust_accuracy();
    rises = rises || last > previous + kPoints;
    previous = last;
    figures += str(", ", level, "/255: ", percent(last));
    curve.push_back({{"eps", o.eps}, {"robust_accuracy", last}});
  }
  const double chance = 1.0 / model_.spec().classes;
  check("epsilon curve", figures, "rises, or stays above chance at 128/255, where a grey image is in reach",
        rises || last > chance, curve);
}

void Auditor::convergence() {
  begin("convergence");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  o.pgd.steps *= 2;
  const double ce = attacked(o, Counts::towards_worst).robust_accuracy();
  o.loss = AttackLoss::log_odds;
  const double log_odds = attacked(o).robust_accuracy();
  check("twice the steps",
        str("cross-entropy ", percent(ce_), " to ", percent(ce), ", log-odds ", percent(log_odds_), " to ",
            percent(log_odds)),
        "still falling by more than 2 points; passing proves nothing where gradients are zero",
        ce_ - ce > kPoints || log_odds_ - log_odds > kPoints, {{"ce", ce}, {"log_odds", log_odds}});

  AttackOptions more = pgd(AttackLoss::cross_entropy);
  more.pgd.restarts *= 2;
  const double ce_restarts = attacked(more, Counts::towards_worst).robust_accuracy();
  more.loss = AttackLoss::log_odds;
  const double log_odds_restarts = attacked(more).robust_accuracy();
  check("twice the restarts",
        str("cross-entropy ", percent(ce_), " to ", percent(ce_restarts), ", log-odds ", percent(log_odds_), " to ",
            percent(log_odds_restarts), ", ", more.pgd.restarts, " restarts"),
        "falling by more than 2 points; passing proves nothing where gradients are zero",
        ce_ - ce_restarts > kPoints || log_odds_ - log_odds_restarts > kPoints,
        {{"ce", ce_restarts}, {"log_odds", log_odds_restarts}, {"restarts", more.pgd.restarts}});
}

// Random points around the images that PGD on cross-entropy did not break. Nothing is optimised, so whatever they find, PGD should have found.
void Auditor::random_points() {
  begin("random points");
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < left_by_ce_.size() && left.size() < kRandomImages; ++i)
    if (left_by_ce_[i] != 0) left.push_back(i);
  const ImageBatch few = image_batch(set_, left);
  ImageSet survivors{.count = static_cast<std::int64_t>(left.size()),
                     .height = set_.height,
                     .width = set_.width,
                     .channels = set_.channels,
                     .bytes = {},
                     .floats = few.pixels,
                     .labels = few.labels};
  AttackOptions o = o_.attack;
  o.attack = "random";
  o.random.queries = o_.random_points;
  double found = 0;
  if (!left.empty()) {
    const AttackResult r = attack(model_, survivors, o);
    for (std::size_t k = 0; k < left.size(); ++k)
      if (!r.images[k].is_robust()) {
        ++found;
        worst_[left[k]] = 0;
      }
  }
  check("random points",
        str(o_.random_points, " random corners of the ball around each of ", left.size(),
            " images that PGD on cross-entropy left: ", found, " broken"),
        "chance finds an image that PGD missed", found > 0,
        {{"images", left.size()}, {"queries", o_.random_points}, {"broken", found}});
}

void Auditor::square() {
  begin("Square");
  AttackOptions o = o_.attack;
  o.attack = "square";
  o.square.queries = o_.queries;
  const AttackResult black_box = attacked(o, Counts::towards_worst);
  double broken = 0;
  for (std::size_t i = 0; i < left_by_ce_.size(); ++i)
    broken += left_by_ce_[i] != 0 && !black_box.images[i].is_robust() ? 1 : 0;
  broken /= static_cast<double>(std::max<std::int64_t>(set_.count, 1));
  check("Square",
        str("breaks ", percent(broken), " of the images that PGD on cross-entropy left, ", o_.queries, " queries"),
        "more than 0.2 points", broken > kBlackBoxFlag, {{"broken", broken}});
}

void Auditor::transfer() {
  begin("transfer");
  if (o_.twin == nullptr) {
    not_run("transfer", "no twin given: a model trained at tau 1");
    return;
  }
  ImageSet moved = set_;
  moved.bytes.clear();
  moved.floats.clear();
  (void)attack(*o_.twin, set_, pgd(AttackLoss::log_odds), [&](std::int64_t, const Tensor&, const Tensor& adversarial) {
    const std::vector<float> pixels = adversarial.to_host<float>();
    moved.floats.insert(moved.floats.end(), pixels.begin(), pixels.end());
  });
  AttackOptions still = pgd(AttackLoss::cross_entropy);
  still.eps = 0;
  still.pgd.step = 0;
  still.pgd.steps = 1;
  const AttackResult r = attack(model_, moved, still);
  const AttackResult clean = attack(model_, set_, still);
  Robust robust(r.images.size());
  for (std::size_t i = 0; i < robust.size(); ++i) {
    robust[i] = clean.images[i].is_clean_correct() && r.images[i].is_clean_correct() ? 1 : 0;
    worst_[i] = worst_[i] & robust[i];
  }
  check("transfer", str("images made on the twin leave ", percent(share(robust)), ", white box ", percent(ce_)),
        "transfer stronger than the white-box attack", share(robust) < ce_ - kHalfAPoint,
        {{"robust_accuracy", share(robust)}});
}

void Auditor::autoattack() {
  begin("AutoAttack");
  AttackOptions o = o_.attack;
  o.attack = "autoattack";
  o.autoattack.queries = o_.queries;
  const AttackResult r = attacked(o, Counts::towards_worst);
  Json members = Json::object();
  for (const MemberSummary& m : r.members) members[m.name] = m.robust_accuracy;
  a_.warnings.insert(a_.warnings.end(), r.warnings.begin(), r.warnings.end());
  check("AutoAttack", str("standard: ", percent(r.robust_accuracy()), ", PGD on cross-entropy ", percent(ce_)),
        "more than 10 points stronger than PGD on cross-entropy (3 to 5 are usual)", ce_ - r.robust_accuracy() > 0.10,
        members);
}

// The same attacks on models that are known to be broken: logits times 100, which hides the gradient and changes no prediction; and the
// undefended twin, if there is one, with an ε that reaches a grey image.
void Auditor::known_broken_model() {
  begin("known-broken model");
  const LogitScale scaled(model_, 100);
  const double log_odds = attacked(pgd(AttackLoss::log_odds)).robust_accuracy();
  AuditCheck c{"known-broken model",
               str("logits x 100: log-odds PGD leaves ", percent(log_odds), ", unscaled margin PGD ", percent(margin_)),
               "the harness must see through a factor, and break an undefended model",
               Verdict::passes,
               {{"log_odds", log_odds}}};
  if (log_odds > std::max(log_odds_, margin_) + kPoints) c.verdict = Verdict::failed_harness;
  if (o_.twin != nullptr) {
    AttackOptions wide = pgd(AttackLoss::log_odds);
    wide.norm = Norm::linf;
    wide.eps = kGreyReach;
    wide.pgd.step.reset();
    const double twin = attack(*o_.twin, set_, wide).robust_accuracy();
    c.figures += str("; the twin at 128/255 ", percent(twin));
    c.values["twin"] = twin;
    if (twin > 1.0 / model_.spec().classes) c.verdict = Verdict::failed_harness;
  }
  a_.checks.push_back(std::move(c));
}

}  // namespace kelvin
