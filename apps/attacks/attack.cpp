#include "apps/attacks/attack.h"

#include <algorithm>
#include <chrono>

#include "apps/attacks/ensemble.h"
#include "apps/attacks/final_check.h"
#include "apps/attacks/pgd.h"
#include "apps/attacks/settings.h"
#include "engine/ops/losses.h"
#include "kernels/device/listed.h"
#include "models/frozen_weights.h"

namespace kelvin {
namespace {

void check_options(const AttackOptions& o, const ModelSpec& model) {
  const std::vector<std::string> known = attack_names();
  if (std::find(known.begin(), known.end(), o.attack) == known.end())
    throw mistake("--attack ", o.attack, " is unknown; known: ", listed(known));
  if (!(o.eps >= 0) || !(o.step >= 0))
    throw mistake("--eps and --step must be 0 or more, got ", o.eps, " and ", o.step);
  require_radius(o.eps, o.norm);
  if (o.steps < 1 || o.restarts < 1 || o.queries < 1 || o.search_steps < 1)
    throw mistake("--steps, --restarts, --queries and --search-steps must be at least 1");
  if (o.last_iterate && (o.restarts > 1 || (o.attack != "pgd" && o.attack != "fgsm") || o.targeting == Targeting::all))
    throw mistake("--last-iterate is for pgd and fgsm with one restart; without it the best iterate is returned");
  if (o.loss == AttackLoss::dlr && model.classes < 3)
    throw mistake("--loss dlr needs at least 3 classes, the model has ", model.classes);
  if (!(o.attack_tau > 0)) throw mistake("--attack-tau must be > 0, got ", o.attack_tau);
  if (o.targeting == Targeting::fixed && (o.target_class < 0 || o.target_class >= model.classes))
    throw mistake("--targeted ", o.target_class, ": the classes are 0 to ", model.classes - 1);
  const bool takes_all = o.attack == "pgd" || o.attack == "mifgsm" || (o.attack == "cw" && o.norm == Norm::linf);
  const bool takes_a_target = o.attack == "fgsm" || o.attack == "pgd" || o.attack == "mifgsm" || o.attack == "cw";
  if (o.targeting != Targeting::none && !(o.targeting == Targeting::all ? takes_all : takes_a_target))
    throw mistake("--targeted: ", o.attack,
                  " chooses its own targets or has none; fgsm, pgd, mifgsm and cw take a rule ",
                  "or a class, pgd, mifgsm and cw in L-infinity 'all'");
  if (o.version != "standard" && o.version != "plus" && o.version != "rand")
    throw mistake("--version ", o.version, " is unknown; known: standard, plus, rand");
  if (o.attack == "apgd-dlr" && model.classes < 3)
    throw mistake("--attack apgd-dlr needs at least 3 classes, the model has ", model.classes);
  if (o.attack == "apgd-t" && model.classes < 4)
    throw mistake("--attack apgd-t needs at least 4 classes, the model has ", model.classes, "; use apgd-ce");
}

}  // namespace

Tensor attack_loss(AttackLoss loss, const Tensor& logits, const Tensor& labels, double tau) {
  switch (loss) {
    case AttackLoss::cross_entropy: return softmax_cross_entropy(logits, labels, tau);
    case AttackLoss::log_odds: return log_odds_cross_entropy(logits, labels, tau);
    case AttackLoss::margin: return margin_loss(logits, labels);
    case AttackLoss::dlr: return dlr_loss(logits, labels);
  }
  throw internal_error("unknown attack loss");
}

AttackLoss attack_loss_of(const std::string& name) {
  for (const AttackLoss loss : {AttackLoss::cross_entropy, AttackLoss::log_odds, AttackLoss::margin, AttackLoss::dlr})
    if (name == name_of(loss)) return loss;
  throw mistake("--loss ", name, " is unknown; known: ce, log-odds, margin, dlr");
}

const char* name_of(AttackLoss loss) {
  switch (loss) {
    case AttackLoss::cross_entropy: return "ce";
    case AttackLoss::log_odds: return "log-odds";
    case AttackLoss::margin: return "margin";
    case AttackLoss::dlr: return "dlr";
  }
  return "?";
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
    const std::vector<Member> members = members_of(options, model.spec().classes, warnings);
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
  return {"fgsm",   "pgd", "mifgsm", "cw",     "apgd-ce", "apgd-dlr",
          "apgd-t", "fab", "fab-t",  "square", "random",  "autoattack"};
}

}  // namespace kelvin
