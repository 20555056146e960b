#include "apps/analysis/audit.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/analysis/logit_scale.h"

namespace kelvin {
namespace {

using Robust = std::vector<std::uint8_t>;  // one flag an image

constexpr double kPoints = 0.02;                   // two points: what a change of loss may cost
constexpr double kSquareFlag = 0.002;              // AutoAttack's
constexpr double kUnreliable = 17, kInvalid = 87;  // margins where float32 cross-entropy loses a term, and everything

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

double share(const Robust& robust) {
  double n = 0;
  for (const std::uint8_t r : robust) n += r;
  return robust.empty() ? 0 : n / static_cast<double>(robust.size());
}

class Auditor {
 public:
  Auditor(Model& model, const ImageSet& set, const AuditOptions& o, const std::function<void(const std::string&)>& say)
      : model_(model), set_(set), o_(o), say_(say) {}

  Audit run() {
    a_.train_tau = o_.train_tau;
    a_.n = set_.count;
    worst_.assign(static_cast<std::size_t>(set_.count), 1);
    sound_ = worst_;
    saturation();
    attack_temperatures();
    losses();
    rescaled_logits();
    targets();
    one_step();
    eps_curve();
    convergence();
    square();
    transfer();
    autoattack();
    known_broken_model();
    a_.sound = share(sound_);
    a_.worst_case = share(worst_);
    return std::move(a_);
  }

 private:
  enum class Counts { towards_worst, towards_sound_and_worst, nowhere };

  AttackOptions pgd(AttackLoss loss, double tau = 1) const {
    AttackOptions o = o_.attack;
    o.attack = "pgd";
    o.loss = loss;
    o.attack_tau = tau;
    return o;
  }

  // Attacks and adds the outcome to the minima, but for attacks at another ε or on another model.
  AttackResult attacked(const AttackOptions& o, Counts counts = Counts::towards_sound_and_worst) {
    AttackResult r = attack(model_, set_, o);
    if (counts != Counts::nowhere)
      for (std::size_t i = 0; i < r.images.size(); ++i)
        if (!r.images[i].is_robust()) {
          worst_[i] = 0;
          if (counts == Counts::towards_sound_and_worst) sound_[i] = 0;
        }
    return r;
  }

  void check(const std::string& name, const std::string& figures, const std::string& rule, bool is_masked,
             Json values) {
    a_.checks.push_back({name, figures, rule, is_masked ? Verdict::masked : Verdict::passes, std::move(values)});
  }
  void begin(const char* name) const {
    if (say_) say_(name);
  }

  void saturation() {
    begin("zero gradients");
    const AttackResult ce = attacked(pgd(AttackLoss::cross_entropy), Counts::towards_worst);
    const AttackResult at_tau = attacked(pgd(AttackLoss::cross_entropy, o_.train_tau));
    const AttackResult log_odds = attacked(pgd(AttackLoss::log_odds));
    a_.clean_accuracy = ce.clean_accuracy();
    a_.paper_faithful = ce_ = ce.robust_accuracy();
    log_odds_ = log_odds.robust_accuracy();
    a_.median_margin = ce.margin_percentile(50);
    const double zero = ce.zero_gradient_fraction();
    check("zero gradients",
          str(percent(zero), " of images at attack tau 1, ", percent(at_tau.zero_gradient_fraction()),
              " at training tau, ", percent(log_odds.zero_gradient_fraction()), " with log-odds; coordinates ",
              percent(ce.zero_coordinate_fraction())),
          "any image whose float32 cross-entropy gradient is exactly zero", zero > 0,
          {{"tau1", zero},
           {"train_tau", at_tau.zero_gradient_fraction()},
           {"log_odds", log_odds.zero_gradient_fraction()},
           {"coordinates", ce.zero_coordinate_fraction()}});
    Json percentiles;
    for (const int p : {5, 25, 50, 75, 95}) percentiles[str("p", p)] = ce.margin_percentile(p);
    check("margins",
          str("median ", ce.margin_percentile(50), ", 5 % ", ce.margin_percentile(5), ", 95 % ",
              ce.margin_percentile(95), a_.median_margin > kInvalid ? ": float32 cross-entropy is invalid here" : ""),
          "median above 17 (float32 loses the label's term); above 87 it loses every term",
          a_.median_margin > kUnreliable, percentiles);
    const double moved = ce.mean_displacement(), needed = 0.5 * static_cast<double>(o_.attack.eps);
    check("displacement", str("images moved ", moved, " on average, eps ", o_.attack.eps),
          "less than half of eps (L-infinity)", o_.attack.norm == Norm::linf && moved < needed, {{"mean", moved}});
  }

  void attack_temperatures() {
    begin("attack temperatures");
    std::vector<double> taus = {1, 2, 5, 10, 20, 50, 100, 200, o_.train_tau, std::max(a_.median_margin / 5, 0.1)};
    std::sort(taus.begin(), taus.end());
    taus.erase(std::unique(taus.begin(), taus.end()), taus.end());
    Json curve = Json::array();
    double lowest = 1, best_tau = 1;
    for (const double tau : taus) {
      const double robust = attacked(pgd(AttackLoss::cross_entropy, tau)).robust_accuracy();
      curve.push_back({{"tau", tau}, {"robust_accuracy", robust}});
      if (robust < lowest) lowest = robust, best_tau = tau;
    }
    const double error = 2 * std::sqrt(std::max(lowest * (1 - lowest), 0.01) / static_cast<double>(set_.count));
    const double allowed = std::max(0.01, std::min(error, kPoints));
    check("attack tau", str(percent(ce_), " at tau 1, lowest ", percent(lowest), " at tau ", best_tau),
          str("tau 1 more than ", percent(allowed), " above the lowest"), ce_ - lowest > allowed, curve);
  }

  void losses() {
    begin("losses");
    const double margin = margin_ = attacked(pgd(AttackLoss::margin)).robust_accuracy();
    const double dlr = model_.spec().classes >= 3 ? attacked(pgd(AttackLoss::dlr)).robust_accuracy() : margin;
    const double lowest = std::min({log_odds_, margin, dlr});
    check("loss swap",
          str("cross-entropy ", percent(ce_), ", log-odds ", percent(log_odds_), ", margin ", percent(margin), ", DLR ",
              percent(dlr)),
          "cross-entropy more than 2 points above another loss", ce_ - lowest > kPoints,
          {{"ce", ce_}, {"log_odds", log_odds_}, {"margin", margin}, {"dlr", dlr}});
  }

  void rescaled_logits() {
    begin("rescaled logits");
    Json rows = Json::array();
    double lowest = ce_, margin_change = 0;
    std::string figures;
    for (const double s : {1 / o_.train_tau, 1 / std::max(a_.median_margin / 5, 1.0), 10.0, 100.0}) {
      const LogitScale scaled(model_, static_cast<float>(s));
      const double ce = attacked(pgd(AttackLoss::cross_entropy)).robust_accuracy();
      const double margin = attacked(pgd(AttackLoss::margin)).robust_accuracy();
      lowest = std::min(lowest, ce);
      margin_change = std::max(margin_change, std::abs(margin - margin_));
      figures +=
          str(figures.empty() ? "" : "; ", "x", s, ": cross-entropy ", percent(ce), ", margin ", percent(margin));
      rows.push_back({{"scale", s}, {"ce", ce}, {"margin", margin}});
    }
    check("rescaled logits", figures,
          "cross-entropy more than 2 points stronger on a rescaled copy of the same classifier", ce_ - lowest > kPoints,
          rows);
    if (margin_change > kPoints) a_.checks.back().verdict = Verdict::failed_harness;
  }

  void targets() {
    begin("targets");
    AttackOptions o = pgd(AttackLoss::cross_entropy);
    o.targeting = Targeting::all;
    const double targeted = attacked(o).robust_accuracy();
    check("all targets", str("worst over the other classes ", percent(targeted), ", untargeted ", percent(ce_)),
          "targeted cross-entropy more than 2 points stronger than untargeted", ce_ - targeted > kPoints,
          {{"targeted", targeted}, {"untargeted", ce_}});
  }

  void one_step() {
    begin("one step");
    AttackOptions o = pgd(AttackLoss::cross_entropy);
    o.attack = "fgsm";
    const double fgsm = attacked(o).robust_accuracy();
    check("one step", str("FGSM ", percent(fgsm), ", PGD ", percent(ce_)), "one step stronger than many",
          fgsm < ce_ - 0.005, {{"fgsm", fgsm}, {"pgd", ce_}});
  }

  void eps_curve() {
    begin("epsilon");
    Json curve = Json::array();
    double previous = 1, last = 1;
    bool rises = false;
    std::string figures;
    for (const int level : {2, 4, 8, 16, 32, 64, 128}) {
      AttackOptions o = pgd(AttackLoss::cross_entropy);
      o.norm = Norm::linf;
      o.eps = static_cast<float>(level) / 255;
      o.step = o.eps / 4;
      last = attacked(o, Counts::nowhere).robust_accuracy();
      rises = rises || last > previous + kPoints;
      previous = last;
      figures += str(figures.empty() ? "" : ", ", level, "/255: ", percent(last));
      curve.push_back({{"eps", o.eps}, {"robust_accuracy", last}});
    }
    const double chance = 1.0 / model_.spec().classes;
    check("epsilon curve", figures, "rises, or stays above chance at 128/255, where a grey image is in reach",
          rises || last > chance, curve);
  }

  void convergence() {
    begin("convergence");
    AttackOptions o = pgd(AttackLoss::cross_entropy);
    o.steps *= 2;
    const double ce = attacked(o, Counts::towards_worst).robust_accuracy();
    o.loss = AttackLoss::log_odds;
    const double log_odds = attacked(o).robust_accuracy();
    check("twice the steps",
          str("cross-entropy ", percent(ce_), " to ", percent(ce), ", log-odds ", percent(log_odds_), " to ",
              percent(log_odds)),
          "still falling by more than 2 points; passing proves nothing where gradients are zero",
          ce_ - ce > kPoints || log_odds_ - log_odds > kPoints, {{"ce", ce}, {"log_odds", log_odds}});
  }

  // Black box on what the paper's attack left.
  void square() {
    if (o_.attack.norm != Norm::linf) {
      a_.checks.push_back({"Square", "offered in L-infinity only", "", Verdict::not_run, {}});
      return;
    }
    begin("Square");
    const AttackResult ce = attack(model_, set_, pgd(AttackLoss::cross_entropy));
    AttackOptions o = o_.attack;
    o.attack = "square";
    const AttackResult black_box = attacked(o, Counts::towards_worst);
    double broken = 0;
    for (std::size_t i = 0; i < ce.images.size(); ++i)
      broken += ce.images[i].is_robust() && !black_box.images[i].is_robust() ? 1 : 0;
    broken /= static_cast<double>(std::max<std::int64_t>(set_.count, 1));
    check("Square",
          str("breaks ", percent(broken), " of the images that PGD on cross-entropy left, ", o.queries, " queries"),
          "more than 0.2 points", broken > kSquareFlag, {{"broken", broken}});
  }

  void transfer() {
    if (o_.twin == nullptr) {
      a_.checks.push_back({"transfer", "no --twin given: a model trained at tau 1", "", Verdict::not_run, {}});
      return;
    }
    begin("transfer");
    ImageSet moved = set_;
    moved.bytes.clear();
    moved.floats.clear();
    (void)attack(*o_.twin, set_, pgd(AttackLoss::log_odds),
                 [&](std::int64_t, const Tensor&, const Tensor& adversarial) {
                   const std::vector<float> pixels = adversarial.to_host<float>();
                   moved.floats.insert(moved.floats.end(), pixels.begin(), pixels.end());
                 });
    AttackOptions still = pgd(AttackLoss::cross_entropy);
    still.eps = still.step = 0;
    still.steps = 1;
    const AttackResult r = attack(model_, moved, still);
    const AttackResult clean = attack(model_, set_, still);
    Robust robust(r.images.size());
    for (std::size_t i = 0; i < robust.size(); ++i) {
      robust[i] = clean.images[i].is_clean_correct() && r.images[i].is_clean_correct() ? 1 : 0;
      worst_[i] = worst_[i] & robust[i];
    }
    check("transfer", str("images made on the twin leave ", percent(share(robust)), ", white box ", percent(ce_)),
          "transfer stronger than the white-box attack", share(robust) < ce_ - 0.005,
          {{"robust_accuracy", share(robust)}});
  }

  void autoattack() {
    begin("AutoAttack");
    AttackOptions o = o_.attack;
    o.attack = "autoattack";
    o.steps = 100;
    const AttackResult r = attacked(o, Counts::towards_worst);
    Json members = Json::object();
    for (const MemberSummary& m : r.members) members[m.name] = m.robust_accuracy;
    a_.warnings = r.warnings;
    check("AutoAttack", str("standard: ", percent(r.robust_accuracy()), ", PGD on cross-entropy ", percent(ce_)),
          "more than 10 points stronger than PGD on cross-entropy (3 to 5 are usual)", ce_ - r.robust_accuracy() > 0.10,
          members);
  }

  // The same harness on a model known to be broken: logits times 100 hide the gradient and change no prediction.
  void known_broken_model() {
    begin("known-broken model");
    const LogitScale scaled(model_, 100);
    const double log_odds = attacked(pgd(AttackLoss::log_odds)).robust_accuracy();
    AuditCheck c{
        "known-broken model",
        str("logits x 100: log-odds PGD leaves ", percent(log_odds), ", unscaled margin PGD ", percent(margin_)),
        "the harness must see through a factor",
        Verdict::passes,
        {{"log_odds", log_odds}}};
    if (log_odds > std::max(log_odds_, margin_) + kPoints) c.verdict = Verdict::failed_harness;
    a_.checks.push_back(std::move(c));
  }

  Model& model_;
  const ImageSet& set_;
  const AuditOptions& o_;
  const std::function<void(const std::string&)>& say_;
  Audit a_;
  Robust worst_, sound_;
  double ce_ = 0, log_odds_ = 0, margin_ = 0;
};

}  // namespace

bool Audit::is_masked() const {
  return std::any_of(checks.begin(), checks.end(), [](const AuditCheck& c) { return c.verdict == Verdict::masked; });
}

std::string Audit::sentence() const {
  std::string names;
  for (const AuditCheck& c : checks)
    if (c.verdict == Verdict::masked) names += (names.empty() ? "" : ", ") + c.name;
  if (names.empty())
    return str("No sign of vanishing gradients: worst case ", percent(worst_case), " against ", percent(paper_faithful),
               " for the paper's attack, on ", n, " images.");
  const char* const strength = masking_gap() > kPoints
                                   ? "The robustness under plain PGD is not real: "
                                   : "Plain PGD is not to be trusted here, although it came close: ";
  return str(strength, percent(paper_faithful), " becomes ", percent(worst_case), " in the worst case, on ", n,
             " images (", names, ").");
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passes: return "passes";
    case Verdict::masked: return "masked";
    case Verdict::failed_harness: return "harness failed";
    case Verdict::not_run: return "not run";
  }
  return "?";
}

Audit audit(Model& model, const ImageSet& set, const AuditOptions& options,
            const std::function<void(const std::string&)>& progress) {
  if (set.count < 1) throw mistake("audit needs at least one image");
  return Auditor(model, set, options, progress).run();
}

Json to_json(const Audit& a) {
  Json checks = Json::array();
  for (const AuditCheck& c : a.checks)
    checks.push_back({{"name", c.name},
                      {"figures", c.figures},
                      {"rule", c.rule},
                      {"verdict", name_of(c.verdict)},
                      {"values", c.values}});
  return {{"n", a.n},
          {"clean_accuracy", a.clean_accuracy},
          {"paper_faithful", a.paper_faithful},
          {"sound", a.sound},
          {"worst_case", a.worst_case},
          {"masking_gap", a.masking_gap()},
          {"median_margin", a.median_margin},
          {"train_tau", a.train_tau},
          {"masked", a.is_masked()},
          {"sentence", a.sentence()},
          {"warnings", a.warnings},
          {"checks", checks}};
}

}  // namespace kelvin
