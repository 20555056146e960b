// A random permutation that belongs to a key and an epoch: the same on every machine and for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/device/philox.h"

namespace kelvin {

// 0 to n − 1, shuffled by Fisher and Yates from the end: place i draws the first number of philox(key, epoch · 2³² + i).
[[nodiscard]] std::vector<std::int32_t> random_order(std::int64_t n, const RandomKey& key, std::uint32_t epoch = 0);

}  // namespace kelvin
