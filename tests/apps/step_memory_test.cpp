// What a step of many images takes is told from steps of eight and sixteen.
#include "apps/training/step_memory.h"

#include <gtest/gtest.h>

#include "kernels/arrays/elementwise.h"
#include "kernels/device/pool.h"

namespace kelvin {
namespace {

TEST(StepMemory, IsThatOfALargerStep) {
  for (const char* name : {"wrn_10_1", "dm_wrn_10_1", "resnet8"})
    for (const AdversarialOptions::Kind kind : {AdversarialOptions::Kind::none, AdversarialOptions::Kind::trades}) {
      TrainOptions o;
      o.model = name;
      o.batch_size = 48;
      if (kind != AdversarialOptions::Kind::none) o.adversarial = usual_adversarial_options(kind);
      o.adversarial.steps = 1;
      const auto model = make_model({.name = name, .height = 24, .width = 24, .mean = {}, .std = {}}, {}, 1);
      Learner learner(o, *model, {24, 24, 3}, {});
      fill(Cpu{}, learner.images().view<float>(), 0.5f);
      learner.labels().copy_from_host(std::vector<std::int32_t>(48));
      const Learner::Step step{.n = 48, .lr = 0.1, .group_images = 48};
      const StepMemory memory = measure_step_memory(learner, step, {});
      pool_release_cache(Cpu{});
      pool_reset_peak(Cpu{});
      learner.step(step);
      const auto peak = static_cast<double>(pool_use(Cpu{}).peak);
      // Blocks are up to an eighth larger than asked, and reused for smaller requests. The scratch memory of convolutions, much in so
      // small a model, grows from eight to sixteen images and not any more.
      EXPECT_NEAR(memory.of(48), peak, 0.2 * peak) << name << " " << name_of(kind);
      EXPECT_GT(memory.per_image, 0) << name;
    }
}

}  // namespace
}  // namespace kelvin
