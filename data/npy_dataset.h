// A user's own set: a folder with train_images.npy, train_labels.npy, test_images.npy, test_labels.npy. Images uint8 or float
// [N, H, W, C] (floats in [0, 1], no NaN), labels of any integer type [N] from 0.
#pragma once

#include <filesystem>

#include "data/dataset.h"
#include "data/npy.h"

namespace kelvin {

// Classes: one more than the largest label met; normalisation: measured on the training images (test images without them).
[[nodiscard]] Dataset load_npy_dataset(const std::string& folder, const DatasetOptions& options);

// One half from two files. A label of `classes` or more is a mistake.
[[nodiscard]] ImageSet read_npy_half(const std::filesystem::path& images, const std::filesystem::path& labels,
                                     std::int64_t classes);

// The pixels of images [N, H, W, C] that are stored as floats. Mistakes name image and element: NaN, pixels outside [0, 1]; other types.
[[nodiscard]] std::vector<float> float_pixels(const NpyArray& images);

}  // namespace kelvin
