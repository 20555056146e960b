// AutoAttack (Croce & Hein 2020, 2003.01690): the list of its members.
//
//   standard   APGD-CE, APGD-T, FAB-T, Square
//   plus       APGD-CE and APGD-DLR with 5 restarts, untargeted FAB with 5, Square, APGD-T, FAB-T
//   rand       APGD-CE and APGD-DLR, gradients averaged over 20 passes, for models that draw random numbers
//
// The first member uses AttackOptions::loss: by default cross-entropy, as in the reference; log-odds does not saturate.
#pragma once

#include <string>
#include <vector>

#include "apps/attacks/member.h"
#include "apps/run/fields.h"

namespace kelvin {

struct AttackOptions;

struct AutoAttackOptions {
  std::string version = "standard";
  int steps = 100;     // of APGD and FAB
  int targets = 9;     // of APGD-T and FAB-T: classes by rank of the clean logits, at most C − 1
  int queries = 5000;  // of Square, for each image
};
[[nodiscard]] Fields autoattack_fields(AutoAttackOptions& options);

// The members in order. Adds a warning for each member that needs more classes.
[[nodiscard]] std::vector<Member> autoattack_members(const AttackOptions& options, int classes,
                                                     std::vector<std::string>& warnings);

}  // namespace kelvin
