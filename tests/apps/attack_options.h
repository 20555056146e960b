// Options of an attack that a test goes through by name.
#pragma once

#include <map>
#include <string>

#include "apps/attacks/settings.h"

namespace kelvin::testing {

// The options with own options set from their texts; options that the attack does not have are ignored.
[[nodiscard]] inline AttackOptions with_own(AttackOptions o, const std::map<std::string, std::string>& texts) {
  for (const auto& [name, text] : texts)
    if (takes(name, o.attack, o.norm)) set_own(o, {{name, text}});
  return o;
}

}  // namespace kelvin::testing
