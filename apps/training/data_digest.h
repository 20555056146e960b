// Digests of what a run learns from, so that a resumed run notices when other pixels lie at the same path.
#pragma once

#include <map>
#include <string>

#include "data/dataset.h"

namespace kelvin {

// Of each part that the set has ("training", "validation", "test"): its size, pixels and labels.
[[nodiscard]] std::map<std::string, std::string> digests_of(const Dataset& data);

// A mistake that names the part which is not what it was in `before` (empty: nothing is known). `data`: its name, for the message.
void require_same_data(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& now,
                       const std::string& data);

}  // namespace kelvin
