// What fine-tuning adds to the engine, against PyTorch and timm (tools/golden/fine_tuning.py): clipping, smoothed labels, averaged
// weights, resizing, the cosine schedule; and optimizers whose ranges learn at rates of their own.
#include <gtest/gtest.h>

#include <cmath>

#include "data/npy.h"
#include "engine/clip_gradients.h"
#include "engine/ops/losses.h"
#include "engine/ops/resize.h"
#include "engine/optim.h"
#include "engine/schedule.h"
#include "engine/tape.h"
#include "engine/weight_average.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using Floats = std::vector<float>;

NpyArray golden_array(const std::string& name) {
  return read_npy(std::filesystem::path(KELVIN_GOLDEN_DIR) / "fine_tuning" / (name + ".npy"));
}
Floats golden(const std::string& name) { return golden_array(name).to_float(); }

Tensor golden_tensor(const std::string& name) {
  const NpyArray array = golden_array(name);
  Shape shape;
  for (const std::int64_t d : array.shape) shape.push_back(d);
  return Tensor::from_host<float>(array.to_float(), shape);
}

// ‖a − b‖ / ‖b‖
double relative(const Floats& a, const Floats& b) {
  EXPECT_EQ(a.size(), b.size());
  double above = 0, below = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    above += std::pow(static_cast<double>(a[i]) - b[i], 2);
    below += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(above / below);
}
// A few roundings of float32 in another order.
constexpr double kRounding = 1e-6;

TEST(FineTuning, ClippingIsPyTorchs) {
  for (const auto& [name, limit] : {std::pair("clipped", 1.5f), std::pair("unclipped", 100.0f)}) {
    const Floats start = golden("gradient");
    Parameters p;  // two parameters: the norm is that of both together
    const Parameter& a = p.add({"a", {20}, {}});
    const Parameter& b = p.add({"b", {17}, {}, false});
    p.allocate({}, 0);
    a.gradient.copy_from_host(std::span(start).first(20));
    b.gradient.copy_from_host(std::span(start).subspan(20));
    clip_gradient_norm(p, limit);
    Floats got = a.gradient.to_host<float>();
    const Floats rest = b.gradient.to_host<float>();
    got.insert(got.end(), rest.begin(), rest.end());
    EXPECT_LT(relative(got, golden(name)), kRounding) << name;
  }
  EXPECT_EQ(golden("unclipped"), golden("gradient"));
}

TEST(FineTuning, SmoothedLabelsArePyTorchs) {
  const Tensor logits = golden_tensor("logits");
  std::vector<std::int32_t> labels;
  for (const std::int64_t y : golden_array("labels").to_int()) labels.push_back(static_cast<std::int32_t>(y));
  const Tensor y = Tensor::from_host<std::int32_t>(labels, {logits.dim(0)});
  for (const char* tau : {"0.5", "1", "20"}) {
    Tape tape({logits});
    const Tensor losses = softmax_cross_entropy(logits, y, temperature(std::stod(tau)), 0.15f);
    tape.backward(mean(losses));
    EXPECT_LT(relative(losses.to_host<float>(), golden(std::string("smoothed_losses_tau") + tau)), kRounding) << tau;
    // The gradient at τ = 20 is p − q with p near 1/C: differences of numbers ten times as large.
    EXPECT_LT(relative(tape.gradient(logits).to_host<float>(), golden(std::string("smoothed_gradient_tau") + tau)),
              1e-5)
        << tau;
  }
}

TEST(FineTuning, NoSmoothingIsTheLossItselfBitForBit) {
  const Tensor logits = golden_tensor("logits"), y = Tensor::full({logits.dim(0)}, 3, DType::i32);
  const auto run = [&](auto loss_of) {
    Tape tape({logits});
    const Tensor loss = loss_of();
    tape.backward(sum(loss));
    return std::pair(loss.to_host<float>(), tape.gradient(logits).to_host<float>());
  };
  EXPECT_EQ(run([&] { return softmax_cross_entropy(logits, y, temperature(2), 0.0f); }),
            run([&] { return softmax_cross_entropy(logits, y, 2.0); }));
}

TEST(FineTuning, AverageIsTimms) {
  const Floats weights = golden("ema_weights"), statistics = golden("ema_statistics");
  Parameters p;
  const Parameter& w = p.add({"w", {6, 5}, {}});
  const Parameter& other = p.add({"other", {3}, constant_init(2)});
  const Parameter& s = p.add_buffer({"s.running_mean", {6}, {}});
  p.allocate({}, 0);
  const auto show = [&](std::size_t step) {
    w.value.copy_from_host(std::span(weights).subspan(30 * step, 30));
    s.value.copy_from_host(std::span(statistics).subspan(6 * step, 6));
  };
  show(0);
  WeightAverage average(p, 0.9);
  for (std::size_t step = 1; step <= 3; ++step) {
    show(step);
    average.update();
  }
  EXPECT_LT(relative(average.state().at("ema.w").to_host<float>(), golden("ema_of_weights")), kRounding);
  EXPECT_LT(relative(average.state().at("ema.s.running_mean").to_host<float>(), golden("ema_of_statistics")),
            kRounding);
  EXPECT_EQ(average.state().at("ema.other").to_host<float>(),
            Floats(3, 2.0f));  // what does not move is its own average
  const Floats last = w.value.to_host<float>();
  {
    const WeightAverage::InModel scope(average);
    EXPECT_LT(relative(w.value.to_host<float>(), golden("ema_of_weights")), kRounding);
    EXPECT_LT(relative(s.value.to_host<float>(), golden("ema_of_statistics")), kRounding);
    EXPECT_EQ(average.state().at("ema.w").to_host<float>(), last);
  }
  EXPECT_EQ(w.value.to_host<float>(), last);
  EXPECT_EQ(other.value.to_host<float>(), Floats(3, 2.0f));
  average.restart();
  EXPECT_EQ(average.state().at("ema.w").to_host<float>(), last);
}

TEST(FineTuning, ResizingIsPyTorchs) {
  for (const std::string name : {"grow", "shrink", "both", "cifar"}) {
    const Tensor x = golden_tensor("resize_" + name + "_x"), expected = golden_tensor("resize_" + name + "_y");
    Tape tape({x});
    const Tensor y = resize_bilinear(x, expected.dim(1), expected.dim(2));
    ASSERT_EQ(y.shape(), expected.shape());
    tape.backward(y, golden_tensor("resize_" + name + "_dy"));
    EXPECT_LT(relative(y.to_host<float>(), expected.to_host<float>()), kRounding) << name;
    EXPECT_LT(relative(tape.gradient(x).to_host<float>(), golden("resize_" + name + "_dx")), kRounding) << name;
  }
}

TEST(FineTuning, CosineScheduleIsPyTorchs) {
  const Floats rates = golden("cosine");
  const LearningRateSchedule s{.kind = LearningRateSchedule::Kind::cosine, .base = 0.1, .epochs = 12};
  ASSERT_EQ(rates.size(), 12u);
  for (std::size_t epoch = 0; epoch < rates.size(); ++epoch)
    EXPECT_NEAR(s.at(static_cast<double>(epoch)), rates[epoch], 1e-6 * rates[epoch])
        << epoch;  // stored as float64, read as float32
}

class ScaledOptimizer : public ::testing::TestWithParam<OptimizerOptions::Kind> {};

// A scale of a learning rate is that learning rate: three parameters under one optimizer against one optimizer each. Sizes leave gaps in
// the flat buffer, a frozen parameter lies between two that share a scale.
TEST_P(ScaledOptimizer, ScaleIsALearningRateOfItsOwn) {
  const OptimizerOptions options{.kind = GetParam(), .weight_decay = 0.01f};
  const std::map<std::string, float> scales = {{"a", 1.0f}, {"b", 0.25f}, {"c", 0.0f}, {"d", 0.25f}, {"e", 0.25f}};
  Parameters all;
  std::vector<const Parameter*> declared;
  for (const auto& [name, scale] : scales)
    declared.push_back(&all.add({name, {5}, {Init::Kind::uniform, -1, 1}, name != "e"}));
  all.allocate({}, 3);
  Optimizer optimizer(all, options, [&](const Parameter& p) { return scales.at(p.spec.name); });
  const auto gradient_at = [](int step) { return Floats{1.0f, -2.0f, 0.5f * static_cast<float>(step), 0.1f, -0.3f}; };
  std::map<std::string, Floats> start;
  for (const Parameter* p : declared) start[p->spec.name] = p->value.to_host<float>();
  for (int step = 1; step <= 4; ++step) {
    for (const Parameter* p : declared) p->gradient.copy_from_host(gradient_at(step));
    optimizer.step(Tensor::full({1}, 0.1f));
  }
  for (const Parameter* p : declared) {
    Parameters alone;
    const Parameter& w = alone.add({"w", {5}, {}, p->spec.weight_decay});
    alone.allocate({}, 0);
    w.value.copy_from_host(start[p->spec.name]);
    const float scale = scales.at(p->spec.name);
    Optimizer its_own(alone, options);
    for (int step = 1; step <= 4; ++step) {
      w.gradient.copy_from_host(gradient_at(step));
      if (scale > 0) its_own.step(Tensor::full({1}, 0.1f * scale));
    }
    EXPECT_EQ(p->value.to_host<float>(), w.value.to_host<float>()) << p->spec.name;
    EXPECT_EQ(p->value.to_host<float>() == start[p->spec.name], scale == 0) << p->spec.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ScaledOptimizer,
                         ::testing::Values(OptimizerOptions::Kind::sgd, OptimizerOptions::Kind::adam,
                                           OptimizerOptions::Kind::adamw));

}  // namespace
}  // namespace kelvin
