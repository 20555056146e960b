// The audit's checks of effort: more steps, more restarts, a wider ball, and other kinds of search.
#include <algorithm>

#include "apps/analysis/auditor.h"
#include "apps/analysis/logit_scale.h"

namespace kelvin {
namespace {

using audit_text::scaled_text;
using audit_text::share;

constexpr double kUsualOfAutoAttack = 0.10;  // 3 to 5 points are usual
constexpr std::size_t kRandomImages = 100;   // the number of survivors around which random points are drawn

std::vector<std::int64_t> rows_of(const audit_text::Flags& flags, std::size_t most) {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < flags.size() && rows.size() < most; ++i)
    if (flags[i] != 0) rows.push_back(static_cast<std::int64_t>(i));
  return rows;
}

}  // namespace

void Auditor::one_step() {
  begin("one step");
  AttackOptions o = pgd(AttackLoss::cross_entropy);
  o.attack = "fgsm";
  const Robust left = left_by(o);
  judge("one step", str("FGSM ", percent(share(left)), ", PGD ", percent(ce_)), "one step is stronger than many",
        Means::as_saturated, {paired("FGSM", left_by_ce_, left, 0)}, {{"fgsm", share(left)}, {"pgd", ce_}});
}

void Auditor::eps_curve() {
  begin("epsilon");
  Json curve = Json::array({{{"eps", 0}, {"robust_accuracy", a_.clean_accuracy}}});
  Robust previous, left;
  std::string figures = str("0: ", percent(a_.clean_accuracy)), smaller;
  std::vector<AuditComparison> comparisons;
  for (const int level : {2, 4, 8, 16, 32, 64, 128}) {
    AttackOptions o = pgd(AttackLoss::cross_entropy);
    o.norm = Norm::linf;
    o.eps = static_cast<float>(level) / 255;
    o.pgd.step.reset();
    left = left_by(o, Counts::nowhere);
    if (!previous.empty()) comparisons.push_back(paired("eps " + smaller, left, previous, kPoints));
    previous = left;
    smaller = str(level, "/255");
    figures += str(", ", smaller, ": ", percent(share(left)));
    curve.push_back({{"eps", o.eps}, {"robust_accuracy", share(left)}});
  }
  comparisons.push_back(share_of("left at 128/255", left, set_.count, 1.0 / model_.spec().classes));
  judge("epsilon curve", figures,
        "a smaller eps is stronger than the next, or more than a share of 1/classes is left at 128/255, where a grey "
        "image is in reach",
        Means::as_saturated, std::move(comparisons), curve);
}

void Auditor::convergence() {
  begin("convergence");
  const auto more_effort = [&](const char* name, auto change, const std::string& note, Json values) {
    AttackOptions o = pgd(AttackLoss::cross_entropy);
    change(o.pgd);
    const Robust ce = left_by(o, Counts::towards_worst);
    o.loss = AttackLoss::log_odds;
    const Robust log_odds = left_by(o);
    values.update({{"ce", share(ce)}, {"log_odds", share(log_odds)}});
    judge(name,
          str("cross-entropy ", percent(ce_), " to ", percent(share(ce)), ", log-odds ",
              percent(share(left_by_log_odds_)), " to ", percent(share(log_odds)), note),
          "still falling; passing proves nothing where gradients are zero", Means::weak_attack,
          {paired("cross-entropy with more", left_by_ce_, ce, kPoints),
           paired("log-odds with more", left_by_log_odds_, log_odds, kPoints)},
          values);
  };
  more_effort(
      "twice the steps", [](PgdAttackOptions& p) { p.steps *= 2; }, "", Json::object());
  const int restarts = 2 * o_.attack.pgd.restarts;
  more_effort("twice the restarts", [&](PgdAttackOptions& p) { p.restarts = restarts; },
              str(", ", restarts, " restarts"), {{"restarts", restarts}});
}

Auditor::Robust Auditor::broken_among(const std::vector<std::int64_t>& rows, const AttackOptions& options) {
  Robust broken(worst_.size(), 0);
  if (rows.empty()) return broken;
  const AttackResult r = attack(model_, set_.select(rows), options);
  const Robust left = audit_text::robust_images(r);
  note(options, Counts::towards_worst, "", rows, left);
  for (std::size_t k = 0; k < rows.size(); ++k)
    if (left[k] == 0) {
      const auto i = static_cast<std::size_t>(rows[k]);
      broken[i] = 1;
      worst_[i] = 0;
    }
  return broken;
}

// Only on the images that withstood everything before it, so that it takes little time.
void Auditor::long_attack() {
  begin("long attack");
  AttackOptions o = pgd(AttackLoss::log_odds);
  o.pgd.restarts = o_.long_restarts;
  o.pgd.steps = o_.long_steps;
  const std::vector<std::int64_t> rows = rows_of(worst_, worst_.size());
  const Robust broken = broken_among(rows, o);
  for (std::size_t i = 0; i < broken.size(); ++i)
    if (broken[i] != 0) sound_[i] = 0;
  judge("long attack",
        str("log-odds PGD with ", o.pgd.restarts, " restarts of ", o.pgd.steps, " steps breaks ",
            audit_text::count(broken), " of the ", rows.size(), " images that all attacks before it left"),
        "it breaks more", Means::weak_attack, {share_of("broken", broken, set_.count, kPoints)},
        {{"images", rows.size()}, {"broken", audit_text::count(broken)}});
}

// Random points around the images that plain PGD did not break. Nothing is optimised, so whatever they find, PGD should have found.
void Auditor::random_points() {
  begin("random points");
  const std::vector<std::int64_t> rows = rows_of(left_by_ce_, kRandomImages);
  AttackOptions o = o_.attack;
  o.attack = "random";
  o.random.queries = o_.random_points;
  const Robust broken = broken_among(rows, o);
  judge("random points",
        str(o_.random_points, " random corners of the ball around each of ", rows.size(),
            " images that plain PGD left: ", audit_text::count(broken), " broken"),
        "chance finds images that PGD missed", Means::as_saturated,
        {share_of("broken", broken, static_cast<std::int64_t>(rows.size()), kPoints)},
        {{"images", rows.size()}, {"queries", o_.random_points}, {"broken", audit_text::count(broken)}});
}

void Auditor::square() {
  begin("Square");
  AttackOptions o = o_.attack;
  o.attack = "square";
  o.square.queries = o_.queries;
  const Robust left = left_by(o, Counts::towards_worst);
  const AuditComparison c = paired("Square", left_by_ce_, left, kPoints);
  const double broken = static_cast<double>(c.alone) / static_cast<double>(c.images);
  judge("Square",
        str("leaves ", percent(share(left)), ", plain PGD ", percent(ce_), "; breaks ", percent(broken),
            " that plain PGD left, ", o_.queries, " queries"),
        "a search without gradients is stronger", Means::as_saturated, {c},
        {{"broken", broken}, {"robust_accuracy", share(left)}});
}

// AutoAttack; and its first member, APGD on cross-entropy, once more with the logits rescaled to a median lead of 5.
void Auditor::autoattack() {
  begin("AutoAttack");
  AttackOptions o = o_.attack;
  o.attack = "autoattack";
  o.loss = AttackLoss::cross_entropy;
  o.autoattack.queries = o_.queries;
  const AttackResult r = attacked(o, Counts::towards_worst);
  a_.autoattack = r.robust_accuracy();
  Json members = Json::object();
  for (const MemberSummary& m : r.members) members[m.name] = m.robust_accuracy;
  a_.warnings.insert(a_.warnings.end(), r.warnings.begin(), r.warnings.end());
  judge("AutoAttack", str("standard: ", percent(r.robust_accuracy()), ", plain PGD ", percent(ce_)),
        "stronger than plain PGD (3 to 5 points are usual)", Means::as_saturated,
        {paired("AutoAttack", left_by_ce_, audit_text::robust_images(r), kUsualOfAutoAttack)}, members);

  begin("rescaled APGD");
  Robust left_by_first = clean_;
  for (std::size_t i = 0; i < left_by_first.size(); ++i)
    if (r.images[i].broken_by == 0) left_by_first[i] = 0;
  o.attack = "apgd-ce";
  o.apgd.steps = o.autoattack.steps;
  const LogitScale scaled(model_, usual_scale());
  const Robust left = left_by(o, Counts::towards_sound_and_worst, scaled_text(usual_scale()));
  judge("rescaled APGD",
        str("APGD on cross-entropy leaves ", percent(share(left_by_first)), ", with logits x", usual_scale(), " ",
            percent(share(left))),
        "APGD is stronger on a rescaled copy of the classifier", Means::as_saturated,
        {paired("APGD with rescaled logits", left_by_first, left, kPoints)},
        {{"scale", usual_scale()}, {"apgd", share(left_by_first)}, {"rescaled", share(left)}});
}

}  // namespace kelvin
