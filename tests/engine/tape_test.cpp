#include "engine/tape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/activation.h"
#include "engine/ops/attack_steps.h"
#include "engine/ops/linear.h"
#include "engine/ops/losses.h"
#include "engine/parameters.h"
#include "kernels/device/pool.h"

namespace kelvin {
namespace {

Tensor vector_of(std::vector<float> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return Tensor::from_host<float>(values, {n});
}

TEST(Tape, NothingIsRecordedWithoutATape) {
  const Tensor x = vector_of({1, 2});
  const Tensor y = relu(x);
  EXPECT_FALSE(Tape::is_tracked(y));
  Tape tape({x});
  EXPECT_TRUE(Tape::is_tracked(x));
  EXPECT_TRUE(Tape::is_tracked(relu(x)));
  EXPECT_FALSE(Tape::is_tracked(relu(vector_of({3}))));
}

TEST(Tape, AddsUpOverSeveralUsesWithoutSpoilingSharedGradients) {
  const Tensor x = vector_of({1, 2}), z = vector_of({3, 4});
  Tape tape({x, z});
  const Tensor y = add(add(x, z), x);  // both adds hand the same gradient to both of their inputs
  tape.backward(y, vector_of({1, 10}));
  EXPECT_EQ(tape.gradient(x).to_host<float>(), (std::vector<float>{2, 20}));
  EXPECT_EQ(tape.gradient(z).to_host<float>(), (std::vector<float>{1, 10}));
}

// ReLU's backward function works in the memory of dy where nothing else has it.
TEST(Tape, GradientsThatHaveAnotherOwnerAreNotOverwritten) {
  const Tensor x = Tensor::from_host<float>(std::vector<float>{-1, 2}, {2});
  const Tensor dy = Tensor::full({2}, 3.0f);
  Tape tape({x});
  const Tensor y = relu(x);
  tape.backward(add(y, add(relu(y), y)), dy);
  EXPECT_EQ(tape.gradient(x).to_host<float>(), (std::vector<float>{0, 9}));
  EXPECT_EQ(dy.to_host<float>(), (std::vector<float>{3, 3}));
}

TEST(Tape, ZerosWhereNothingLeads) {
  const Tensor x = vector_of({1, 2}), unused = vector_of({5, 6, 7});
  Tape tape({x, unused});
  tape.backward(sum(relu(x)));
  EXPECT_EQ(tape.gradient(unused).to_host<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(Tape, ReshapeKeepsIdentityNarrowDoesNot) {
  const Tensor x = vector_of({1, 2, 3, 4});
  Tape tape({x});
  tape.backward(sum(relu(x.reshape({2, 2}))));
  EXPECT_EQ(tape.gradient(x).to_host<float>(), (std::vector<float>{1, 1, 1, 1}));
  EXPECT_FALSE(Tape::is_tracked(x.narrow(0, 2)));
}

TEST(Tape, InnermostRecordsAndTheOuterGoesOn) {
  const Tensor x = vector_of({2});
  Tape outer({x});
  const Tensor y = relu(x);
  {
    Tape inner({y});
    inner.backward(sum(add(y, y)));
    EXPECT_EQ(inner.gradient(y).item(), 2);
  }
  outer.backward(sum(y));
  EXPECT_EQ(outer.gradient(x).item(), 1);
}

TEST(Tape, WatchedImagesMayNotBeOverwritten) {
  const Tensor x = Tensor::full({1, 2, 2, 1}, 0.5f), g = Tensor::full({1, 2, 2, 1}, 1.0f);
  Tape tape({x});
  EXPECT_THROW(pgd_step(x, x.clone(), g, Norm::linf, {}), Error);
}

TEST(Tape, ParameterGradientsAddUpInTheFlatBuffer) {
  Parameters p;
  const Parameter& w = p.add({"w", {3}, constant_init(2)});
  p.allocate({}, 0);
  for (int i = 0; i < 2; ++i) {
    Tape tape(p);
    tape.backward(sum(relu(w.value)));
  }
  EXPECT_EQ(w.gradient.to_host<float>(), (std::vector<float>{2, 2, 2}));
  p.zero_gradients();
  EXPECT_EQ(w.gradient.to_host<float>(), (std::vector<float>{0, 0, 0}));
}

// The old content of a gradient must not be used: NaN would show. `w` gets its gradient in place, twice; `shift` from an op that cannot write there;
// nothing leads to `unused`.
TEST(Tape, ReplacedGradientsNeedNoClearing) {
  Parameters p;
  const Parameter& w = p.add({"w", {2, 2}, constant_init(3)});
  const Parameter& shift = p.add({"shift", {1, 2}, constant_init(1)});
  const Parameter& unused = p.add({"unused", {2}, constant_init(1)});
  p.allocate({}, 0);
  const Tensor x = Tensor::from_host<float>(std::vector<float>{1, 2}, {1, 2});
  const auto differentiate = [&](ParameterGradients mode) {
    Tape tape(p, mode);
    tape.backward(sum(add(add(linear(x, w.value, {}), linear(x, w.value, {})), shift.value)));
  };
  p.gradients().copy_from(Tensor::full(p.gradients().shape(), std::nanf("")));
  for (int i = 0; i < 2; ++i) {
    differentiate(ParameterGradients::replace);
    EXPECT_EQ(w.gradient.to_host<float>(), (std::vector<float>{2, 4, 2, 4}));
    EXPECT_EQ(shift.gradient.to_host<float>(), (std::vector<float>{1, 1}));
    EXPECT_EQ(unused.gradient.to_host<float>(), (std::vector<float>{0, 0}));
  }
  differentiate(ParameterGradients::add);
  EXPECT_EQ(w.gradient.to_host<float>(), (std::vector<float>{4, 8, 4, 8}));
  EXPECT_EQ(unused.gradient.to_host<float>(), (std::vector<float>{0, 0}));
}

TEST(Tape, FreesActivationsAsItWalksBack) {
  const Tensor x = Tensor::full({1 << 20}, 1.0f);
  const std::size_t before = pool_use(Cpu{}).in_use;
  {
    Tape tape({x});
    Tensor y = x;
    for (int i = 0; i < 8; ++i) y = relu(y);
    const Tensor loss = sum(y);
    y = {};
    EXPECT_GE(pool_use(Cpu{}).in_use - before, std::size_t{8} << 22);
    tape.backward(loss);
    EXPECT_LE(pool_use(Cpu{}).in_use - before, std::size_t{2} << 22);  // the gradient of x, and rounding of blocks
  }
}

TEST(Pool, ReusesBlocks) {
  void* const first = pool_allocate(Cpu{}, 1000);
  pool_free(Cpu{}, first, 1000);
  void* const second = pool_allocate(Cpu{}, 990);  // the same class of sizes
  EXPECT_EQ(first, second);
  pool_free(Cpu{}, second, 990);
  EXPECT_GE(pool_block_size(1000), 1000u);
  EXPECT_LE(pool_block_size(1 << 20), (1u << 20) * 9 / 8);
}

TEST(Parameters, DecayedFirstNamesUniqueStartsByName) {
  Parameters p;
  const Parameter& b = p.add({"bias", {3}, fan_in_uniform(4), false});
  const Parameter& w = p.add({"weight", {5}, fan_in_uniform(4)});
  EXPECT_THROW(p.add({"weight", {1}, {}}), Error);
  p.allocate({}, 7);
  EXPECT_EQ(p.decayed(), 64);  // five, aligned to 256 bytes
  EXPECT_EQ(p.count(), 8);
  EXPECT_EQ(p.values().narrow(0, 5).to_host<float>(), w.value.to_host<float>());
  Parameters other;
  other.add({"x", {100}, {}});
  const Parameter& same = other.add({"bias", {3}, fan_in_uniform(4)});
  other.allocate({}, 7);
  EXPECT_EQ(same.value.to_host<float>(), b.value.to_host<float>());
}

}  // namespace
}  // namespace kelvin
