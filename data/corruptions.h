// Common corruptions (Hendrycks & Dietterich 2019, 1903.12261), generated on the fly with the constants and conventions of the
// published generators: arithmetic on image/255 in double, clipped to [0, 1], times 255, truncated. Images of up to 48 pixels get the
// constants of CIFAR-10-C, of up to 128 those of Tiny-ImageNet-C, larger ones those of ImageNet-C. Frost lays a generated texture over
// the image where the published one lays a photograph (corruptions/frost_texture.h).
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

// The benchmark's fifteen, in its order.
[[nodiscard]] std::vector<std::string> corruption_names();

// The four additional ones, which are no part of the benchmark's mean: speckle_noise, gaussian_blur, spatter, saturate.
[[nodiscard]] std::vector<std::string> extra_corruption_names();

// The set under one corruption, severity 1 to 5, as uint8 (float pixels are first rounded to uint8). Labels are kept. Collective: the ranks of a
// parallel run divide the images among them, and each gets all. Of a set that is read image by image, an image is corrupted as it is read.
// Throws a mistake that lists the names when `name` is unknown, or when severity is out of range.
[[nodiscard]] ImageSet corrupt(const ImageSet& clean, const std::string& name, int severity, std::uint64_t seed);

}  // namespace kelvin
