// Digests of a run's data, so that a resumed run notices if the data at the same path has changed.
#pragma once

#include <map>
#include <string>

#include "data/dataset.h"

namespace kelvin {

// sha256 of a set's sizes, pixels and labels.
[[nodiscard]] std::string digest_of_images(const ImageSet& set);

// Of each part that the set has ("training", "validation", "test"): its size, pixels and labels.
[[nodiscard]] std::map<std::string, std::string> digests_of(const Dataset& data);

// Throws a mistake that names a part that differs from `before` (empty: not known). `data`: the name of the data, for the message.
void require_same_data(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& now,
                       const std::string& data);

}  // namespace kelvin
