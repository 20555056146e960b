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
  std::string title;  // as results and reports call it
  int least_classes = 2;
  // What it reads of that which not every attack reads: its own options, bound to `options`, and of the common ones
  // "loss", kClass and kAllClasses.
  std::function<Fields(AttackOptions& options)> own;
  std::vector<std::string> common = {};
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
