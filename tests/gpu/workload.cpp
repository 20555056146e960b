#include "tests/gpu/workload.h"

namespace kelvin {

const Workload& workload() {
  static const Workload work = {
      .batch = 16,
      .side = 32,
      .steps = 12,
      .models = {"mlp", "resnet8", "resnet18", "resnet50", "vit_tiny_patch4", "wrn_10_1", "dm_wrn_10_1"},
      .fine_tuning_side = 40,
      .fine_tuning_precisions = {DType::f32, DType::bf16},
      .attention_batch = 8,
      .attention_tokens = {17, 50, 65, 197, 257}};
  return work;
}

}  // namespace kelvin
