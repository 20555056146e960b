#include "engine/schedule.h"

#include <gtest/gtest.h>

namespace kelvin {
namespace {

using Lr = LearningRateSchedule;
using Tau = TemperatureSchedule;

// torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10) from 0.1, epochs 0, 3, 5, 9
TEST(LearningRate, CosineIsPyTorchs) {
  const Lr s{.kind = Lr::Kind::cosine, .base = 0.1, .epochs = 10};
  EXPECT_DOUBLE_EQ(s.at(0), 0.1);
  EXPECT_NEAR(s.at(3), 0.07938926261462367, 1e-15);
  EXPECT_NEAR(s.at(5), 0.05, 1e-15);
  EXPECT_NEAR(s.at(9), 0.002447174185242324, 1e-15);
}

TEST(LearningRate, WarmupAndSteps) {
  const Lr s{.kind = Lr::Kind::step, .base = 1, .epochs = 100, .warmup_epochs = 10};
  EXPECT_DOUBLE_EQ(s.at(0), 0);
  EXPECT_DOUBLE_EQ(s.at(5), 0.5);
  EXPECT_DOUBLE_EQ(s.at(49.9), 1);
  EXPECT_DOUBLE_EQ(s.at(50), 0.1);
  EXPECT_DOUBLE_EQ(s.at(75), 0.01);
}

TEST(Temperature, EndsWhereItShould) {
  EXPECT_DOUBLE_EQ((Tau{.kind = Tau::Kind::constant, .start = 50, .end = 1, .epochs = 10}.at(7)), 50);
  EXPECT_DOUBLE_EQ((Tau{.kind = Tau::Kind::linear, .start = 50, .end = 1, .epochs = 10}.at(5)), 25.5);
  const Tau cosine{.kind = Tau::Kind::cosine, .start = 2, .end = 0.07, .epochs = 200};
  EXPECT_DOUBLE_EQ(cosine.at(0), 2);
  EXPECT_NEAR(cosine.at(100), 1.035, 1e-12);
  EXPECT_NEAR(cosine.at(200), 0.07, 1e-12);
  const Tau cyclic{.kind = Tau::Kind::cyclic, .start = 1, .end = 3, .epochs = 80, .period = 40};
  EXPECT_DOUBLE_EQ(cyclic.at(0), 1);
  EXPECT_DOUBLE_EQ(cyclic.at(20), 3);
  EXPECT_DOUBLE_EQ(cyclic.at(30), 2);
  EXPECT_DOUBLE_EQ(cyclic.at(40), 1);
}

}  // namespace
}  // namespace kelvin
