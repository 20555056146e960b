// Filters folded once: the same numbers as folding at every pass, until the weights change, and again after a refresh.
#include "models/frozen_weights.h"

#include <gtest/gtest.h>

#include "kernels/arrays/random_fill.h"
#include "models/model.h"

namespace kelvin {
namespace {

class Frozen : public ::testing::Test {
 protected:
  Frozen()
      : model_(make_model(
            {.name = "resnet8", .classes = 5, .channels = 3, .height = 16, .width = 16, .mean = {}, .std = {}}, {}, 1)),
        images_(Tensor::empty({2, 16, 16, 3}, DType::f32)) {
    fill_uniform(Cpu{}, images_.view<float>(), {1, random_stream("frozen")}, 0, 1);
  }
  [[nodiscard]] std::vector<float> logits() const { return model_->forward(images_, Mode::eval).to_host<float>(); }
  [[nodiscard]] std::vector<float> frozen_logits() {
    const FrozenWeights::Use use(frozen_);
    return logits();
  }
  void change_weights() const {
    fill_normal(Cpu{}, model_->parameters().values().view<float>(), {2, random_stream("frozen")}, 0, 0.1f);
  }

  std::unique_ptr<Model> model_;
  Tensor images_;
  FrozenWeights frozen_;
};

TEST_F(Frozen, GivesTheSameBits) {
  const std::vector<float> plain = logits();
  EXPECT_EQ(frozen_logits(), plain);  // folds
  EXPECT_EQ(frozen_logits(), plain);  // reads what was folded
}

TEST_F(Frozen, StandsStillUntilRefreshed) {
  const std::vector<float> before = frozen_logits();
  change_weights();
  const std::vector<float> after = logits();
  EXPECT_NE(after, before);
  // The last layer has no norm to fold and reads its weights as they are.
  EXPECT_NE(frozen_logits(), after);
  frozen_.refresh();
  EXPECT_EQ(frozen_logits(), after);
}

TEST_F(Frozen, HoldsOnlyWhileItIsUsed) {
  (void)frozen_logits();
  change_weights();
  const std::vector<float> after = logits();
  FrozenWeights other;
  {
    const FrozenWeights::Use outer(frozen_);
    {
      const FrozenWeights::Use inner(other);
      EXPECT_EQ(logits(), after);
    }
    EXPECT_NE(logits(), after);
  }
  EXPECT_EQ(logits(), after);
}

}  // namespace
}  // namespace kelvin
