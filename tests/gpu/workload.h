// The amount of work in the tests of this folder. The emulated device is some ten thousand times slower than a GPU and has another workload.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/dtype.h"

namespace kelvin {

struct Workload {
  int batch, side, steps;           // images, their side, steps of a training or an attack
  std::vector<std::string> models;  // the models to train
  int fine_tuning_side;             // images are resized to it
  std::vector<DType> fine_tuning_precisions;
  std::int64_t attention_batch;
  std::vector<std::int64_t> attention_tokens;
};
[[nodiscard]] const Workload& workload();

}  // namespace kelvin
