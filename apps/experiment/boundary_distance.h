// The distance of images to the decision boundary, in L∞ and pixels in [0, 1], as far as FAB-T finds it (apps/attacks/fab.h). It does not
// depend on the scale of the logits: models trained at different temperatures can be compared, and no gradient vanishes.
#pragma once

#include <nlohmann/json.hpp>

#include "apps/attacks/attack.h"

namespace kelvin {

// FAB-T with ε = 1. With one restart ε does not guide FAB's search, it only says which of the images found count as broken; at 1, which no
// distance exceeds, all do. (The code of FAB's authors stops at an image once one is found within ε, whatever targets are left; ours goes on.)
[[nodiscard]] AttackOptions boundary_search(std::uint64_t seed);

// Of the result of a boundary_search:
//   distances         [n], rounded to 1e-6: 0 for a misclassified image, null where nothing was found
//   not_found         how many of them are null
//   median_distance,  over all n images. Null counts as 1, the largest distance of two images: an upper bound, as all distances
//   mean_distance     found are. Both are null if n = 0.
[[nodiscard]] nlohmann::json boundary_distances(const AttackResult& result);

}  // namespace kelvin
