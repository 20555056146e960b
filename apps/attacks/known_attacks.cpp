#include "apps/attacks/known_attacks.h"

#include <algorithm>

#include "apps/attacks/apgd.h"
#include "apps/attacks/carlini_wagner.h"
#include "apps/attacks/fab.h"
#include "apps/attacks/momentum_pgd.h"
#include "apps/attacks/random_points.h"
#include "apps/attacks/square.h"
#include "kernels/device/listed.h"

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

Member random_search(const AttackOptions& o, int /*classes*/) {
  const RandomPointsOptions r{.norm = o.norm, .eps = o.eps, .queries = o.queries, .seed = o.seed};
  return {"random", [r](const Victim& victim, const ImageBatch& images) { return random_points(victim, images, r); }};
}

Member carlini_wagner(const AttackOptions& o, int /*classes*/) {
  const CarliniWagnerOptions c{
      .eps = o.eps, .steps = o.steps, .search_steps = o.search_steps, .learning_rate = o.learning_rate, .seed = o.seed};
  return {"cw", [c](const Victim& victim, const ImageBatch& images) { return carlini_wagner_l2(victim, images, c); }};
}

Member momentum(const AttackOptions& o, int classes) {
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

// The attacks of one member.
Member apgd_ce(const AttackOptions& o, int /*classes*/) {
  return apgd_member(o.attack, o, {.restarts = o.restarts, .loss = o.loss});
}
Member apgd_dlr(const AttackOptions& o, int /*classes*/) {
  return apgd_member(o.attack, o, {.restarts = o.restarts, .loss = AttackLoss::dlr});
}
Member apgd_t(const AttackOptions& o, int /*classes*/) {
  return apgd_member(o.attack, o, {.restarts = o.restarts, .targets = o.targets});
}
Member fab_untargeted(const AttackOptions& o, int /*classes*/) { return fab_member(o.attack, o, o.restarts, 0); }
Member fab_t(const AttackOptions& o, int /*classes*/) { return fab_member(o.attack, o, o.restarts, o.targets); }
Member square(const AttackOptions& o, int /*classes*/) { return square_member(o, o.restarts); }

auto alone(Member (*member)(const AttackOptions&, int classes)) {
  return [member](const AttackOptions& o, int classes, std::vector<std::string>& /*warnings*/) {
    return std::vector<Member>{member(o, classes)};
  };
}

}  // namespace

// To add an attack: a row here.
const std::vector<KnownAttack>& known_attacks() {
  static const std::vector<KnownAttack> all = {
      {.name = "fgsm", .title = "FGSM", .flags = {"loss", "no-random-start", kClass}},
      {.name = "pgd",
       .title = "PGD",
       .usual_steps = 20,
       .flags = {"loss", "step", "steps", "restarts", "no-random-start", kClass, kAllClasses},
       .members = alone(momentum)},  // towards all classes
      {.name = "mifgsm",
       .title = "MI-FGSM",
       .usual_steps = 10,
       .flags = {"loss", "step", "steps", "decay", "no-random-start", kClass, kAllClasses},
       .members = alone(momentum)},
      {.name = "cw",
       .title = "C&W",
       .usual_steps = 30,
       .flags = {"step", "steps", "restarts", "no-random-start", kClass, kAllClasses},
       .members = alone(momentum),
       .norm = Norm::linf},
      {.name = "cw",
       .title = "C&W",
       .usual_steps = 1000,
       .flags = {"steps", "search-steps", "cw-lr", kClass},
       .members = alone(carlini_wagner),
       .norm = Norm::l2},
      {.name = "apgd-ce", .title = "APGD", .flags = {"loss", "steps", "restarts"}, .members = alone(apgd_ce)},
      {.name = "apgd-dlr",
       .title = "APGD-DLR",
       .least_classes = 3,
       .flags = {"steps", "restarts"},
       .members = alone(apgd_dlr)},
      {.name = "apgd-t",
       .title = "APGD-T",
       .least_classes = 4,
       .flags = {"steps", "restarts", "targets"},
       .members = alone(apgd_t)},
      {.name = "fab", .title = "FAB", .flags = {"steps", "restarts"}, .members = alone(fab_untargeted)},
      {.name = "fab-t", .title = "FAB-T", .flags = {"steps", "restarts", "targets"}, .members = alone(fab_t)},
      {.name = "square", .title = "Square", .flags = {"restarts", "queries"}, .members = alone(square)},
      {.name = "random", .title = "random points", .flags = {"queries"}, .members = alone(random_search)},
      {.name = "autoattack",
       .title = "AutoAttack",
       .flags = {"loss", "steps", "queries", "targets", "version"},
       .members = autoattack},
  };
  return all;
}

const KnownAttack& known_attack(const std::string& name, Norm norm) {
  for (const KnownAttack& a : known_attacks())
    if (a.name == name && (!a.norm || *a.norm == norm)) return a;
  throw mistake("attack"_field, " ", name, " is unknown; known: ", listed(attack_names()));
}

}  // namespace kelvin
