// On a GPU: the memory that recordings keep. Skipped, by name, where there is none.
#include <gtest/gtest.h>

#include "apps/training/learner.h"
#include "kernels/device/pool.h"
#include "models/model.h"
#include "tests/gpu/gpu_test.h"
#include "tests/gpu/workload.h"

namespace kelvin {
namespace {

class RecordingMemoryOnGpu : public GpuTest {
 protected:
  [[nodiscard]] std::size_t kept() const {
    return on(gpu_, [](const auto& dev) {
      pool_release_cache(dev);
      return pool_use(dev).cached;
    });
  }
  // What a training's recordings keep after so many epochs of four steps, the first `warmup` of which leave the weights where they are.
  std::size_t kept_after(int epochs, int warmup) {
    const int batch = workload().batch, side = workload().side;
    TrainOptions options;
    options.batch_size = batch;
    options.adversarial.kind = AdversarialOptions::Kind::pgd;
    options.adversarial.steps = 1;
    options.adversarial.awp_gamma = 0.01;
    options.adversarial.awp_warmup = warmup;
    const auto model = make_model(
        {.name = "resnet8", .classes = 10, .channels = 3, .height = side, .width = side, .mean = {}, .std = {}}, gpu_,
        3);
    const std::size_t before = kept();
    Learner learner(options, *model, {side, side, 3}, gpu_);
    learner.images().copy_from(Tensor::full({batch, side, side, 3}, 0.5f, DType::f32, gpu_));
    learner.labels().copy_from_host(std::vector<std::int32_t>(static_cast<std::size_t>(batch), 1));
    constexpr int kSteps = 4;  // two as they are, one recorded, one replayed
    for (int i = 0; i < epochs * kSteps; ++i)
      learner.step({.n = batch,
                    .index = i,
                    .epoch = static_cast<std::uint32_t>(i / kSteps),
                    .lr = 0.01,
                    .tau = 1,
                    .group_images = batch});
    return kept() - before;
  }
};

// At the first step that perturbs the weights, the recording of the steps before and its memory are freed.
TEST_F(RecordingMemoryOnGpu, ADeadRecordingGivesItsMemoryBack) {
  const std::size_t plain = kept_after(1, 1), perturbed = kept_after(1, 0), both = kept_after(2, 1);
  EXPECT_GT(plain, 0u);
  EXPECT_GT(perturbed, 0u);
  EXPECT_LE(both, perturbed);
}

}  // namespace
}  // namespace kelvin
