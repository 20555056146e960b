// Common corruptions (Hendrycks & Dietterich 2019, 1903.12261), generated on the fly with the CIFAR constants and the
// conventions of the published generator: arithmetic on image/255 in double, clipped to [0, 1], times 255, truncated.
//
// Random corruptions draw from Philox by (seed, corruption, severity, index of the image): the same for any thread count. The
// published files were made without a seed, so random corruptions agree with them in distribution only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace kelvin {

inline constexpr int kSeverities = 5;

// Names in the order of the benchmark. Twelve of its fifteen: snow, frost and elastic_transform are not implemented yet.
[[nodiscard]] std::vector<std::string> corruption_names();

// The additional ones, which are no part of the benchmark's mean: three of four, spatter is not implemented yet.
[[nodiscard]] std::vector<std::string> extra_corruption_names();

// The set under one corruption, severity 1 to 5, as uint8 (float pixels are first rounded to uint8). Labels are kept.
// Throws a mistake that lists the names when `name` is unknown, or when severity is out of range.
[[nodiscard]] ImageSet corrupt(const ImageSet& clean, const std::string& name, int severity, std::uint64_t seed);

}  // namespace kelvin
