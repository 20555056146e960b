// During a backward pass a parameter's gradient is called final once, and has then the value that it has at the end.
#include "engine/final_gradients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/ops/activation.h"
#include "engine/ops/checkpointed.h"
#include "engine/ops/linear.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;

class FinalGradientsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"first", "shared", "unused", "last"}) parameters_.add({name, {4, 4}, fan_in_uniform(4)});
    parameters_.allocate({}, 1);
    parameters_.gradients().copy_from_host(
        std::vector<float>(static_cast<std::size_t>(parameters_.gradients().size()), 7));
  }
  [[nodiscard]] const Tensor& value(const char* name) const { return parameters_.find(name)->value; }
  [[nodiscard]] std::string name_of(const Tensor& gradient) const {
    for (const Parameter& p : parameters_)
      if (p.gradient.id() == gradient.id()) return p.spec.name;
    return "none";
  }
  // The names in the order in which their gradients were called final.
  std::vector<std::string> told(const std::function<Tensor(const Tensor& x)>& f) {
    const Tensor x = Tensor::from_host<float>(std::vector<float>{1, -2, 3, 4, -5, 6, 7, -8}, {2, 4});
    std::vector<std::pair<std::string, std::vector<float>>> told;
    Tape tape(parameters_, ParameterGradients::replace);
    const Tensor y = mean(f(x));
    tape.backward(y, Tensor::full({1}, 1.0f), [&](const Tensor& gradient, GradientBatch& batch) {
      batch.finish();
      told.emplace_back(name_of(gradient), gradient.to_host<float>());
    });
    std::vector<std::string> names;
    for (const auto& [name, values] : told) {
      EXPECT_EQ(parameters_.find(name)->gradient.to_host<float>(), values) << name << " was not final";
      names.push_back(name);
    }
    EXPECT_EQ(parameters_.find("unused")->gradient.to_host<float>(), std::vector<float>(16));
    return names;
  }

  Parameters parameters_;
};

TEST_F(FinalGradientsTest, AGradientIsFinalWhenItsFirstUseHasBeenWalked) {
  const auto net = [&](const Tensor& x) {
    const Tensor a = relu(linear(x, value("first"), {}));
    return linear(relu(linear(a, value("shared"), {})), value("last"), {});
  };
  EXPECT_THAT(told(net), ElementsAre("last", "shared", "first"));
}

TEST_F(FinalGradientsTest, AParameterThatIsUsedTwiceIsFinalAfterBoth) {
  const auto net = [&](const Tensor& x) {
    const Tensor a = linear(linear(x, value("shared"), {}), value("first"), {});
    return linear(linear(a, value("shared"), {}), value("last"), {});
  };
  EXPECT_THAT(told(net), ElementsAre("last", "first", "shared"));
}

// Two forward passes with the same weights, as for clean and adversarial images.
TEST_F(FinalGradientsTest, TwoForwardPassesEndWithTheFirst) {
  const auto net = [&](const Tensor& x) { return linear(linear(x, value("first"), {}), value("last"), {}); };
  EXPECT_THAT(told([&](const Tensor& x) { return add(net(x), net(relu(x))); }), ElementsAre("last", "first"));
}

TEST_F(FinalGradientsTest, AnActivationThatIsComputedAgainUsesItsParameters) {
  const auto net = [&](const Tensor& x) {
    const auto part = [&](const Tensor& t) { return linear(linear(t, value("shared"), {}), value("first"), {}); };
    return linear(checkpointed(x, {value("shared"), value("first")}, part), value("last"), {});
  };
  EXPECT_THAT(told(net), ElementsAre("last", "shared", "first"));
}

// A step whose output the loss does not depend on is left out; its parameters have no other gradient.
TEST_F(FinalGradientsTest, AStepWithoutGradientCountsAsWalked) {
  const auto net = [&](const Tensor& x) {
    const Tensor a = linear(x, value("first"), {});
    (void)linear(a, value("shared"), {});
    return linear(a, value("last"), {});
  };
  EXPECT_THAT(told(net), ElementsAre("last", "shared", "first"));
}

}  // namespace
}  // namespace kelvin
