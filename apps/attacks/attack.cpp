#include "apps/attacks/attack.h"

#include <chrono>

#include "apps/attacks/ensemble.h"
#include "apps/attacks/final_check.h"
#include "apps/attacks/known_attacks.h"
#include "apps/attacks/pgd.h"
#include "apps/attacks/settings.h"
#include "engine/ops/losses.h"
#include "kernels/device/listed.h"
#include "models/frozen_weights.h"

namespace kelvin {
namespace {

void check_options(const AttackOptions& options, const ModelSpec& model) {
  AttackOptions o = options;
  const KnownAttack& known = known_attack(o.attack, o.norm);
  check(attack_fields(o));
  check(known.own(o));
  require_radius(o.eps, o.norm);
  if (takes("last-iterate", o.attack, o.norm) && o.pgd.last_iterate &&
      (o.pgd.restarts > 1 || o.targeting == Targeting::all))
    throw mistake("last-iterate"_field,
                  " is for pgd and fgsm with one restart; without it the best iterate is returned");
  require_classes("loss"_field, o.loss, model.classes);
  if (o.targeting == Targeting::fixed && (o.target_class < 0 || o.target_class >= model.classes))
    throw mistake("targeted"_field, " ", o.target_class, ": the classes are 0 to ", model.classes - 1);
  if (o.targeting != Targeting::none)
    require_taken(o.targeting == Targeting::all ? kAllClasses : kClass, o.attack, o.norm);
  if (model.classes < known.least_classes)
    throw mistake("attack"_field, " ", o.attack, " needs at least ", known.least_classes, " classes, the model has ",
                  model.classes, "; use apgd-ce");
}

struct KnownLoss {
  AttackLoss loss;
  const char* name;
  int least_classes = 2;
};

// To add a loss: a row here, and a case below.
constexpr KnownLoss kLosses[] = {{AttackLoss::cross_entropy, "ce"},
                                 {AttackLoss::log_odds, "log-odds"},
                                 {AttackLoss::margin, "margin"},
                                 {AttackLoss::dlr, "dlr", 3}};

const KnownLoss& known_loss(AttackLoss loss) {
  for (const KnownLoss& known : kLosses)
    if (known.loss == loss) return known;
  throw internal_error("an attack loss without a row");
}

template <class Temperature>
Tensor loss_at(const Temperature& tau, AttackLoss loss, const Tensor& logits, const Tensor& labels) {
  switch (loss) {
    case AttackLoss::cross_entropy: return softmax_cross_entropy(logits, labels, tau);
    case AttackLoss::log_odds: return log_odds_cross_entropy(logits, labels, tau);
    case AttackLoss::margin: return margin_loss(logits, labels);
    case AttackLoss::dlr: return dlr_loss(logits, labels);
  }
  throw internal_error("unknown attack loss");
}

}  // namespace

Tensor attack_loss(AttackLoss loss, const Tensor& logits, const Tensor& labels, double tau) {
  return loss_at(tau, loss, logits, labels);
}

Tensor attack_loss(AttackLoss loss, const Tensor& logits, const Tensor& labels, const Tensor& tau) {
  return loss_at(tau, loss, logits, labels);
}

std::vector<Named<Norm>> norms() { return {{"linf", Norm::linf}, {"l2", Norm::l2}}; }

std::vector<Named<AttackLoss>> attack_losses() {
  std::vector<Named<AttackLoss>> names;
  for (const KnownLoss& known : kLosses) names.push_back({known.name, known.loss});
  return names;
}

const char* name_of(AttackLoss loss) { return known_loss(loss).name; }

void require_classes(FieldName field, AttackLoss loss, int classes) {
  const KnownLoss& known = known_loss(loss);
  if (classes < known.least_classes)
    throw mistake(field, " ", known.name, " needs at least ", known.least_classes, " classes, the model has ", classes);
}

AttackResult attack(Model& model, const ImageSet& set, const AttackOptions& options,
                    const AttackedBatchFunction& on_batch, const AttackProgress& progress) {
  check_options(options, model.spec());
  const auto start = std::chrono::steady_clock::now();
  FrozenWeights frozen;
  const FrozenWeights::Use use(frozen);
  FinalCheck final_check(options.norm, options.eps);
  const auto checked = [&](std::int64_t first, const Tensor& clean, const Tensor& adversarial) {
    final_check.add(clean, adversarial);
    if (on_batch) on_batch(first, clean, adversarial);
  };
  AttackResult result;
  if (moves_from_start(options)) {
    result = pgd_attack(model, set, options, checked, progress);
  } else {
    std::vector<std::string> warnings;
    const std::vector<Member> members =
        known_attack(options.attack, options.norm).members(options, model.spec().classes, warnings);
    result = run_members(model, set, options, members, checked, progress);
    result.warnings.insert(result.warnings.begin(), warnings.begin(), warnings.end());
  }
  final_check.finish(result);
  if (const std::string warning = reach_warning(options); !warning.empty()) result.warnings.push_back(warning);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

bool has_targets(const AttackOptions& o) { return o.targeting != Targeting::none && o.targeting != Targeting::all; }

bool moves_from_start(const AttackOptions& o) {
  return (o.attack == "fgsm" || o.attack == "pgd") && o.targeting != Targeting::all;
}

std::vector<std::string> attack_names() {
  std::vector<std::string> names;
  for (const KnownAttack& known : known_attacks())
    if (names.empty() || names.back() != known.name) names.push_back(known.name);
  return names;
}

}  // namespace kelvin
