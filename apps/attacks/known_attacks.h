// The table of attacks by name, one row for each: its title, its usual number of steps, the options that it reads, and how it runs.
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
  std::string title;  // its name in results and reports
  int least_classes = 2;
  // The options that it reads but some other attacks do not: its own, bound to `options`, and of the common ones "loss", kClass and
  // kAllClasses.
  std::function<Fields(AttackOptions& options)> own;
  std::vector<std::string> common = {};
  // Its members in order; adds a warning for each that cannot run with this model or norm. Empty: the attack runs as pgd_attack.
  std::function<std::vector<Member>(const AttackOptions&, int classes, std::vector<std::string>& warnings)> members =
      {};
  std::optional<Norm> norm = {};  // set if the name means another attack in the other norm
};

// One target class for each image; every other class in turn.
inline constexpr const char *kClass = "targeted CLASS", *kAllClasses = "targeted all";

[[nodiscard]] const std::vector<KnownAttack>& known_attacks();
// Throws a mistake that lists the names.
[[nodiscard]] const KnownAttack& known_attack(const std::string& name, Norm norm);

}  // namespace kelvin
