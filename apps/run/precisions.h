// The precisions of activations, as options spell them; results say float32 and bfloat16 (name_of).
#pragma once

#include "apps/run/fields.h"
#include "kernels/device/dtype.h"

namespace kelvin {

[[nodiscard]] inline const std::vector<Named<DType>>& precisions() {
  static const std::vector<Named<DType>> all = {{"f32", DType::f32}, {"bf16", DType::bf16}};
  return all;
}

}  // namespace kelvin
