#include "apps/attacks/known_attacks.h"

#include <algorithm>

#include "apps/attacks/pgd.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

// An attack with one member, whose own options are the given data member of AttackOptions.
template <class Own>
auto alone(MemberResult (*run)(const Victim&, const ImageBatch&, const AttackOptions&, const Own&),
           Own AttackOptions::*own) {
  return [run, own](const AttackOptions& o, int /*classes*/, std::vector<std::string>& /*warnings*/) {
    return std::vector<Member>{{o.attack, [run, own, o](const Victim& victim, const ImageBatch& images) {
                                  return run(victim, images, o, o.*own);
                                }}};
  };
}

// APGD-T, then FAB-T on what it left standing, as each runs alone.
std::vector<Member> both_targeted(AttackOptions o, int classes, std::vector<std::string>& warnings) {
  std::vector<Member> members;
  const auto add = [&](const char* name, const auto& own) {
    o.attack = name;
    members.push_back(own(o, classes, warnings).front());
  };
  add("apgd-t", alone(apgd, &AttackOptions::apgd_t));
  add("fab-t", alone(fab, &AttackOptions::fab_t));
  return members;
}

// The same with a fixed loss.
template <class Members>
auto on_loss(AttackLoss loss, Members members) {
  return [loss, members](AttackOptions o, int classes, std::vector<std::string>& warnings) {
    o.loss = loss;
    return members(o, classes, warnings);
  };
}

}  // namespace

// To add an attack: a row here.
const std::vector<KnownAttack>& known_attacks() {
  using Options = AttackOptions;
  static const std::vector<KnownAttack> all = {
      {.name = "fgsm",
       .title = "FGSM",
       .own =
           [](Options& o) {
             return only(pgd_fields(o.pgd), {"no-random-start", "last-iterate"});
           },
       .common = {"loss", kClass}},
      {.name = "pgd",
       .title = "PGD",
       .own =
           [](Options& o) {
             return only(pgd_fields(o.pgd), {"step", "steps", "restarts", "no-random-start", "last-iterate"});
           },
       .common = {"loss", kClass, kAllClasses},
       .members = alone(pgd_member, &Options::pgd)},  // towards all classes
      {.name = "mifgsm",
       .title = "MI-FGSM",
       .own =
           [](Options& o) {
             return only(pgd_fields(o.mifgsm), {"step", "steps", "decay", "no-random-start"});
           },
       .common = {"loss", kClass, kAllClasses},
       .members = alone(pgd_member, &Options::mifgsm)},
      {.name = "cw",
       .title = "C&W",
       .own =
           [](Options& o) {
             return only(pgd_fields(o.cw), {"step", "steps", "restarts", "no-random-start"});
           },
       .common = {kClass, kAllClasses},
       .members = on_loss(AttackLoss::margin, alone(pgd_member, &Options::cw)),
       .norm = Norm::linf},
      {.name = "cw",
       .title = "C&W",
       .own = [](Options& o) { return carlini_wagner_fields(o.cw_l2); },
       .common = {kClass},
       .members = alone(carlini_wagner_l2, &Options::cw_l2),
       .norm = Norm::l2},
      {.name = "apgd-ce",
       .title = "APGD",
       .own =
           [](Options& o) {
             return only(apgd_fields(o.apgd), {"steps", "restarts"});
           },
       .common = {"loss"},
       .members = alone(apgd, &Options::apgd)},
      {.name = "apgd-dlr",
       .title = "APGD-DLR",
       .least_classes = 3,
       .own =
           [](Options& o) {
             return only(apgd_fields(o.apgd), {"steps", "restarts"});
           },
       .members = on_loss(AttackLoss::dlr, alone(apgd, &Options::apgd))},
      {.name = "apgd-t",
       .title = "APGD-T",
       .least_classes = 4,
       .own = [](Options& o) { return apgd_fields(o.apgd_t); },
       .members = alone(apgd, &Options::apgd_t)},
      {.name = "fab",
       .title = "FAB",
       .own =
           [](Options& o) {
             return only(fab_fields(o.fab), {"steps", "restarts"});
           },
       .members = alone(fab, &Options::fab)},
      {.name = "fab-t",
       .title = "FAB-T",
       .own = [](Options& o) { return fab_fields(o.fab_t); },
       .members = alone(fab, &Options::fab_t)},
      {.name = "apgd-t+fab-t",
       .title = "APGD-T and FAB-T",
       .least_classes = 4,
       .own = [](Options&) { return Fields(); },
       .members = both_targeted},
      {.name = "square",
       .title = "Square",
       .own = [](Options& o) { return square_fields(o.square); },
       .members = alone(square_attack, &Options::square)},
      {.name = "random",
       .title = "random points",
       .own = [](Options& o) { return random_points_fields(o.random); },
       .members = alone(random_points, &Options::random)},
      {.name = "autoattack",
       .title = "AutoAttack",
       .own = [](Options& o) { return autoattack_fields(o.autoattack); },
       .common = {"loss"},
       .members = autoattack_members},
  };
  return all;
}

const KnownAttack& known_attack(const std::string& name, Norm norm) {
  for (const KnownAttack& a : known_attacks())
    if (a.name == name && (!a.norm || *a.norm == norm)) return a;
  throw mistake("attack"_field, " ", name, " is unknown; known: ", listed(attack_names()));
}

}  // namespace kelvin
