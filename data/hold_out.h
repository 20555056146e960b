// A validation split: images taken out of the training half, so that nothing is ever chosen by looking at the test half.
//
// Which images: the first `count` of a random permutation of the training half (Philox stream "validation" of the seed). The same
// seed and count give the same split for every model, temperature and machine. Both parts keep the set's own order.
#pragma once

#include "data/dataset.h"

namespace kelvin {

// Moves `count` images from set.train to set.validation. Throws a mistake unless 0 < count < set.train.count.
void hold_out(Dataset& set, std::int64_t count, std::uint64_t seed);

}  // namespace kelvin
