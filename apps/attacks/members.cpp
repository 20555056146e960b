#include <algorithm>

#include "apps/attacks/apgd.h"
#include "apps/attacks/carlini_wagner.h"
#include "apps/attacks/ensemble.h"
#include "apps/attacks/fab.h"
#include "apps/attacks/momentum_pgd.h"
#include "apps/attacks/random_points.h"
#include "apps/attacks/square.h"

namespace kelvin {
namespace {

constexpr int kPlusRestarts = 5;
constexpr int kRandPasses = 20;

Member apgd_member(const std::string& name, const AttackOptions& o, ApgdOptions a) {
  a.norm = o.norm;
  a.eps = o.eps;
  a.steps = o.steps;
  a.attack_tau = o.attack_tau;
  a.seed = o.seed;
  return {name, [a](const Victim& victim, const ImageBatch& images) { return apgd(victim, images, a); }};
}

Member fab_member(const std::string& name, const AttackOptions& o, int restarts, int targets) {
  const FabOptions f{.norm = o.norm,
                     .eps = o.eps,
                     .steps = o.steps,
                     .restarts = restarts,
                     .targets = targets,
                     .minimise = o.attack != "autoattack",
                     .seed = o.seed};
  return {name, [f](const Victim& victim, const ImageBatch& images) { return fab(victim, images, f); }};
}

Member square_member(const AttackOptions& o, int restarts) {
  const SquareOptions s{.norm = o.norm, .eps = o.eps, .queries = o.queries, .restarts = restarts, .seed = o.seed};
  return {"square", [s](const Victim& victim, const ImageBatch& images) { return square_attack(victim, images, s); }};
}

Member momentum_member(const AttackOptions& o, int classes) {
  const bool is_mifgsm = o.attack == "mifgsm";
  const MomentumPgdOptions m{.norm = o.norm,
                             .eps = o.eps,
                             .step = o.step,
                             .steps = o.steps,
                             .restarts = o.restarts,
                             .decay = is_mifgsm ? o.decay : 0.0f,
                             .random_start = !is_mifgsm && o.random_start,
                             .loss = o.attack == "cw" ? AttackLoss::margin : o.loss,
                             .attack_tau = o.attack_tau,
                             .targets = o.targeting == Targeting::all ? classes - 1 : 0,
                             .seed = o.seed};
  return {o.attack, [m](const Victim& victim, const ImageBatch& images) { return momentum_pgd(victim, images, m); }};
}

std::vector<Member> autoattack(const AttackOptions& o, int classes, std::vector<std::string>& warnings) {
  const bool is_plus = o.version == "plus", is_rand = o.version == "rand";
  const int restarts = is_plus ? kPlusRestarts : 1, eot = is_rand ? kRandPasses : 1;
  std::vector<Member> members;
  members.push_back(apgd_member(str("apgd-", name_of(o.loss)), o, {.restarts = restarts, .loss = o.loss, .eot = eot}));
  if (is_plus || is_rand) {
    if (classes >= 3)
      members.push_back(apgd_member("apgd-dlr", o, {.restarts = restarts, .loss = AttackLoss::dlr, .eot = eot}));
    else
      warnings.emplace_back("APGD-DLR was left out: it needs at least 3 classes");
  }
  if (is_rand) return members;
  if (is_plus) members.push_back(fab_member("fab", o, restarts, 0));
  if (is_plus) members.push_back(square_member(o, 1));
  if (classes >= 4)
    members.push_back(apgd_member("apgd-t", o, {.targets = o.targets}));
  else
    warnings.emplace_back("APGD-T was left out: it needs at least 4 classes");
  members.push_back(fab_member("fab-t", o, 1, o.targets));
  if (!is_plus) members.push_back(square_member(o, 1));
  if (classes == 2) {
    warnings.emplace_back("only 1 class can be a target: FAB-T ran towards it");
  } else if (o.targets >= classes) {
    warnings.push_back(str("only ", classes - 1, " classes can be targets: ",
                           classes >= 4 ? "APGD-T and FAB-T" : "FAB-T", " ran towards all of them"));
  }
  return members;
}

}  // namespace

bool takes_loss(const std::string& attack) {
  return attack == "fgsm" || attack == "pgd" || attack == "mifgsm" || attack == "apgd-ce" || attack == "autoattack";
}

int usual_steps(const std::string& attack, Norm norm) {
  if (attack == "pgd") return 20;
  if (attack == "mifgsm") return 10;
  if (attack == "cw") return norm == Norm::linf ? 30 : 1000;
  return 100;
}

std::vector<Member> members_of(const AttackOptions& o, int classes, std::vector<std::string>& warnings) {
  if (o.attack == "autoattack") return autoattack(o, classes, warnings);
  if (o.attack == "apgd-ce") return {apgd_member(o.attack, o, {.restarts = o.restarts, .loss = o.loss})};
  if (o.attack == "apgd-dlr") return {apgd_member(o.attack, o, {.restarts = o.restarts, .loss = AttackLoss::dlr})};
  if (o.attack == "apgd-t") return {apgd_member(o.attack, o, {.restarts = o.restarts, .targets = o.targets})};
  if (o.attack == "fab") return {fab_member(o.attack, o, o.restarts, 0)};
  if (o.attack == "fab-t") return {fab_member(o.attack, o, o.restarts, o.targets)};
  if (o.attack == "square") return {square_member(o, o.restarts)};
  if (o.attack == "random") {
    const RandomPointsOptions r{.norm = o.norm, .eps = o.eps, .queries = o.queries, .seed = o.seed};
    return {{"random", [r](const Victim& v, const ImageBatch& images) { return random_points(v, images, r); }}};
  }
  if (o.attack == "cw" && o.norm == Norm::l2) {
    const CarliniWagnerOptions c{.eps = o.eps,
                                 .steps = o.steps,
                                 .search_steps = o.search_steps,
                                 .learning_rate = o.learning_rate,
                                 .seed = o.seed};
    return {{"cw", [c](const Victim& v, const ImageBatch& images) { return carlini_wagner_l2(v, images, c); }}};
  }
  return {momentum_member(o, classes)};
}

}  // namespace kelvin
