#include "apps/analysis/auditor.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "apps/analysis/paired_tests.h"
#include "apps/attacks/settings.h"

namespace kelvin {
namespace audit_text {

std::int64_t count(const Flags& flags) { return std::accumulate(flags.begin(), flags.end(), std::int64_t{0}); }

double share(const Flags& flags) {
  return flags.empty() ? 0 : static_cast<double>(count(flags)) / static_cast<double>(flags.size());
}

Flags both(const Flags& a, const Flags& b) {
  Flags c(a.size());
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = a[i] & b[i];
  return c;
}

Flags robust_images(const AttackResult& result) {
  Flags flags;
  for (const AttackedImage& image : result.images) flags.push_back(image.is_robust() ? 1 : 0);
  return flags;
}

std::string scaled_text(double factor) { return str("logits x ", factor); }

}  // namespace audit_text

namespace {

std::string two_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

// "beyond 2 points and chance (p <= 0.0025, from 14 of 200 images on)"
std::string threshold_text(const AuditComparison& c) {
  const std::int64_t least =
      c.is_share ? smallest_share(c.images, c.size, c.level) : smallest_paired(c.images, c.size, c.level);
  const std::string size = str(two_digits(100 * c.size), c.is_share ? " % and " : " points and ");
  return str("beyond ", c.size > 0 ? size : "", "chance (p <= ", two_digits(c.level), ", ",
             least > c.images ? str("which ", c.images, " images cannot show")
                              : str("from ", least, " of ", c.images, " images on"),
             ")");
}

std::string alone_text(const AuditComparison& c) {
  return str("; ", c.name, " alone breaks ", c.alone, " (", c.saturated, " saturated), the other alone ", c.other);
}

}  // namespace

Auditor::Auditor(Model& model, const ImageSet& set, const AuditOptions& options,
                 const std::function<void(const std::string&)>& say)
    : model_(model), set_(set), o_(options), say_(say) {
  a_.n = set.count;
  a_.train_tau = options.train_tau;
  a_.norm = options.attack.norm;
  a_.eps = options.attack.eps;
  a_.step = options.attack.pgd.step_in(options.attack.eps);
  a_.steps = options.attack.pgd.steps;
  worst_.assign(static_cast<std::size_t>(set.count), 1);
  sound_ = clean_ = left_by_ce_ = left_by_log_odds_ = left_by_margin_ = worst_;
  saturated_.assign(worst_.size(), 0);
  all_rows_.resize(worst_.size());
  std::iota(all_rows_.begin(), all_rows_.end(), 0);
  a_.images.resize(worst_.size());
  if (const std::string warning = reach_warning(pgd(AttackLoss::cross_entropy)); !warning.empty())
    a_.warnings.push_back(warning);
}

Audit Auditor::run() {
  saturation();
  restart_noise();
  attack_temperatures();
  losses();
  rescaled_logits();
  inversion();
  targets();
  loss_by_step();
  one_step();
  eps_curve();
  convergence();
  random_points();
  square();
  transfer();
  long_attack();
  autoattack();
  precision();
  known_broken_model();
  for (AuditedImage& image : a_.images) {
    if (image.is_correct()) continue;
    image.first_broken_by = -1;  // wrong without any attack
    image.times_broken = 0;
  }
  a_.sound = audit_text::share(sound_);
  a_.worst_case = audit_text::share(worst_);
  return std::move(a_);
}

AttackOptions Auditor::pgd(AttackLoss loss, double tau) const {
  AttackOptions o = o_.attack;
  o.attack = "pgd";
  o.loss = loss;
  o.attack_tau = tau;
  return o;
}

AttackResult Auditor::attacked(const AttackOptions& options, Counts counts, const std::string& on) {
  AttackResult r = attack(model_, set_, options);
  const Robust robust = audit_text::robust_images(r);
  note(options, counts, on, all_rows_, robust).members = r.members;
  if (counts == Counts::nowhere) return r;
  worst_ = audit_text::both(worst_, robust);
  if (counts == Counts::towards_sound_and_worst) sound_ = audit_text::both(sound_, robust);
  return r;
}

Auditor::Robust Auditor::left_by(const AttackOptions& options, Counts counts, const std::string& on) {
  return audit_text::robust_images(attacked(options, counts, on));
}

AuditAttack& Auditor::note(const AttackOptions& options, Counts counts, const std::string& on,
                           const std::vector<std::int64_t>& rows, const Robust& left) {
  const int index = static_cast<int>(a_.attacks.size());
  const bool is_counted = counts != Counts::nowhere;
  for (std::size_t k = 0; is_counted && k < rows.size(); ++k) {
    if (left[k] != 0) continue;
    AuditedImage& image = a_.images[static_cast<std::size_t>(rows[k])];
    if (image.times_broken++ == 0) image.first_broken_by = index;
  }
  return a_.attacks.emplace_back(
      AuditAttack{options, on, is_counted, static_cast<std::int64_t>(rows.size()), audit_text::count(left)});
}

float Auditor::usual_scale() const { return static_cast<float>(5 / std::max(a_.median_margin, 0.05)); }

AuditComparison Auditor::paired(const std::string& name, const Robust& left_by_plain, const Robust& left,
                                double size) const {
  AuditComparison c{.name = name, .images = set_.count, .size = size};
  for (std::size_t i = 0; i < left.size(); ++i) {
    c.other += left[i] & ~left_by_plain[i];
    if (left[i] != 0 || left_by_plain[i] == 0) continue;
    ++c.alone;
    c.saturated += saturated_[i];
  }
  return c;
}

AuditComparison Auditor::share_of(const std::string& name, const Robust& marked, std::int64_t n, double size) const {
  return {.name = name,
          .is_share = true,
          .images = n,
          .alone = audit_text::count(marked),
          .saturated = audit_text::count(audit_text::both(marked, saturated_)),
          .size = size};
}

AuditCheck& Auditor::judge(const std::string& name, const std::string& figures, const std::string& rule, Means means,
                           std::vector<AuditComparison> comparisons, Json values) {
  AuditCheck check{name, figures, rule, Verdict::passes, std::move(values), std::move(comparisons)};
  for (AuditComparison& c : check.comparisons) {
    c.level = kCheckLevel / static_cast<double>(check.comparisons.size());
    c.p = c.is_share ? share_p(c.alone, c.images, c.size) : paired_p(c.alone, c.other, c.images, c.size);
    if (!c.is_beyond_chance()) continue;
    const bool is_masked = means == Means::masked || (means == Means::as_saturated && 2 * c.saturated > c.alone);
    if (is_masked)
      check.verdict = Verdict::masked;
    else if (check.verdict == Verdict::passes)
      check.verdict = Verdict::weak_attack;
  }
  if (!check.comparisons.empty()) {
    const AuditComparison& strongest = *std::min_element(check.comparisons.begin(), check.comparisons.end(),
                                                         [](const auto& a, const auto& b) { return a.p < b.p; });
    if (!strongest.is_share) check.figures += alone_text(strongest);
    check.rule += ", " + threshold_text(check.comparisons.front());
  }
  a_.checks.push_back(std::move(check));
  return a_.checks.back();
}

bool Auditor::fails(const AuditComparison& c) {
  return (c.is_share ? share_p(c.alone, c.images, c.size) : paired_p(c.alone, c.other, c.images, c.size)) <=
         kCheckLevel;
}

void Auditor::not_run(const std::string& name, const std::string& reason) {
  a_.checks.push_back({name, reason, "", Verdict::not_run, {}});
}

void Auditor::begin(const char* name) const {
  if (say_) say_(name);
}

}  // namespace kelvin
