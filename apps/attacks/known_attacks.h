// Every attack by name, a row each: what it is called, how many steps it usually takes, which flags it reads, how it runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/attacks/attack.h"
#include "apps/attacks/member.h"

namespace kelvin {

struct KnownAttack {
  std::string name;
  std::string title;      // as results and reports call it
  int usual_steps = 100;  // those of its authors or its usual harness
  int least_classes = 2;
  // The flags it reads, without dashes, of those that not every attack reads; and kClass, kAllClasses.
  std::vector<std::string> flags = {};
  // Its members, in their order; adds a warning for each that the model or the norm rules out. Empty: pgd.h does it.
  std::function<std::vector<Member>(const AttackOptions&, int classes, std::vector<std::string>& warnings)> members =
      {};
  std::optional<Norm> norm = {};  // where the same name is another attack in the other norm
};

// Goes to one target class an image; to every other class in turn.
inline constexpr const char *kClass = "targeted CLASS", *kAllClasses = "targeted all";

[[nodiscard]] const std::vector<KnownAttack>& known_attacks();
// Throws a mistake that lists the names.
[[nodiscard]] const KnownAttack& known_attack(const std::string& name, Norm norm);

}  // namespace kelvin
