// CIFAR-10 and CIFAR-100 (Krizhevsky 2009), the binary version: 32x32 RGB, 50,000 training and 10,000 test images.
//
// A record is a label byte (CIFAR-100: coarse, then fine) and 3,072 pixels, channel by channel. Files of CIFAR-10: data_batch_1.bin
// to data_batch_5.bin and test_batch.bin; of CIFAR-100: train.bin and test.bin. Class names come from batches.meta.txt or
// fine_label_names.txt where they lie beside; otherwise classes are numbered.
#pragma once

#include "data/dataset.h"

namespace kelvin {

// `where`: the unpacked folder (cifar-10-batches-bin, cifar-100-binary) or the folder that holds it. A file that is cut short or a
// label out of range is a mistake that names file and record. CIFAR-100 uses the fine labels.
[[nodiscard]] Dataset load_cifar10(const std::string& where, const DatasetOptions& options);
[[nodiscard]] Dataset load_cifar100(const std::string& where, const DatasetOptions& options);

}  // namespace kelvin
