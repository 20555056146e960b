// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, 1708.07747): 60,000 training and 10,000 test images of clothing, 28x28 grey, ten
// classes, as four IDX files.
#pragma once

#include "data/dataset.h"

namespace kelvin {

// `where`: the folder of train-images-idx3-ubyte[.gz] and the others; empty: the folder of Debian's package.
[[nodiscard]] Dataset load_fashion_mnist(const std::string& where, const DatasetOptions& options);

}  // namespace kelvin
