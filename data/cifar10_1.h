// CIFAR-10.1 (Recht et al. 2018, 1806.00451): a new test set for CIFAR-10, from the same source by the same procedure. A test set only;
// v6 (2,000 images, balanced) where it is there, else v4 (2,021).
#pragma once

#include "data/dataset.h"

namespace kelvin {

// `where`: the folder of cifar10.1_v6_data.npy and cifar10.1_v6_labels.npy (or those of v4). Data uint8 (N, 32, 32, 3), labels of any
// integer type (N,), 0 to 9. Mistakes name file and row.
[[nodiscard]] Dataset load_cifar10_1(const std::string& where, const DatasetOptions& options);

}  // namespace kelvin
