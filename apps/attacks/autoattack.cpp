#include "apps/attacks/autoattack.h"

#include "apps/attacks/attack.h"

namespace kelvin {
namespace {

constexpr int kPlusRestarts = 5;
constexpr int kRandPasses = 20;

Member apgd_member(AttackOptions o, AttackLoss loss, ApgdOptions own) {
  o.loss = loss;
  own.steps = o.autoattack.steps;
  const std::string name = own.targets > 0 ? "apgd-t" : str("apgd-", name_of(loss));
  return {name, [o, own](const Victim& victim, const ImageBatch& images) { return apgd(victim, images, o, own); }};
}

Member fab_member(const AttackOptions& o, const std::string& name, int restarts, int targets) {
  const FabOptions own{.steps = o.autoattack.steps, .restarts = restarts, .targets = targets, .minimise = false};
  return {name, [o, own](const Victim& victim, const ImageBatch& images) { return fab(victim, images, o, own); }};
}

}  // namespace

Fields autoattack_fields(AutoAttackOptions& o) {
  return {field("version", o.version, {"standard", "plus", "rand"}, "autoattack: standard, plus or rand"),
          field("steps", o.steps, at_least(1), "Steps of APGD and FAB"),
          field("targets", o.targets, at_least(1), "Target classes of APGD-T and FAB-T"),
          field("queries", o.queries, at_least(1), "Queries of Square")};
}

std::vector<Member> autoattack_members(const AttackOptions& o, int classes, std::vector<std::string>& warnings) {
  const bool is_plus = o.autoattack.version == "plus", is_rand = o.autoattack.version == "rand";
  const int restarts = is_plus ? kPlusRestarts : 1, eot = is_rand ? kRandPasses : 1, targets = o.autoattack.targets;
  std::vector<Member> members;
  members.push_back(apgd_member(o, o.loss, {.restarts = restarts, .eot = eot}));
  if (is_plus || is_rand) {
    if (classes >= 3)
      members.push_back(apgd_member(o, AttackLoss::dlr, {.restarts = restarts, .eot = eot}));
    else
      warnings.emplace_back("APGD-DLR was left out: it needs at least 3 classes");
  }
  if (is_rand) return members;
  const SquareOptions square{.queries = o.autoattack.queries};
  const Member square_member = {"square", [o, square](const Victim& victim, const ImageBatch& images) {
                                  return square_attack(victim, images, o, square);
                                }};
  if (is_plus) members.push_back(fab_member(o, "fab", restarts, 0));
  if (is_plus) members.push_back(square_member);
  if (classes >= 4)
    members.push_back(apgd_member(o, o.loss, {.targets = targets}));
  else
    warnings.emplace_back("APGD-T was left out: it needs at least 4 classes");
  members.push_back(fab_member(o, "fab-t", 1, targets));
  if (!is_plus) members.push_back(square_member);
  if (classes == 2) {
    warnings.emplace_back("only 1 class can be a target: FAB-T ran towards it");
  } else if (targets >= classes) {
    warnings.push_back(str("only ", classes - 1, " classes can be targets: ",
                           classes >= 4 ? "APGD-T and FAB-T" : "FAB-T", " ran towards all of them"));
  }
  return members;
}

}  // namespace kelvin
