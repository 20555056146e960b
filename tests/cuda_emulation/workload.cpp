#include "tests/gpu/workload.h"

namespace kelvin {

// Two eager runs, the recording and one replay.
const Workload& workload() {
  static const Workload work = {.batch = 4,
                                .side = 8,
                                .steps = 4,
                                .models = {"mlp", "resnet8", "vit_tiny_patch4", "wrn_10_1", "dm_wrn_10_1"},
                                .fine_tuning_side = 12,
                                .fine_tuning_precisions = {DType::f32},
                                .attention_batch = 1,
                                .attention_tokens = {17, 50}};
  return work;
}

}  // namespace kelvin
