// On a GPU: a replayed step equals an eager one bit for bit, for training and for an attack; and training follows the CPU's losses.
// Skipped, by name, where there is none.
#include "kernels/device/step_graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "apps/attacks/attack.h"
#include "apps/training/inner_attack.h"
#include "engine/clip_gradients.h"
#include "engine/ops/attack_steps.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "engine/weight_average.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/convolution/conv2d.h"
#include "kernels/device/philox.h"
#include "models/model.h"
#include "tests/gpu/gpu_test.h"
#include "tests/gpu/workload.h"

namespace kelvin {
namespace {

const int kBatch = workload().batch, kSide = workload().side, kSteps = workload().steps;

class OnGpu : public GpuTest {};

std::unique_ptr<Model> small_model(const std::string& name, Device device, DType precision) {
  return make_model({.name = name,
                     .classes = 10,
                     .channels = 3,
                     .height = kSide,
                     .width = kSide,
                     .mean = {},
                     .std = {},
                     .precision = precision},
                    device, 3);
}

Tensor images(Device device, std::uint64_t which) {
  const Tensor x = Tensor::empty({kBatch, kSide, kSide, 3}, DType::f32);
  fill_uniform(Cpu{}, x.view<float>(), {which, random_stream("images")}, 0, 1);
  return x.to(device);
}

Tensor labels(Device device) {
  std::vector<std::int32_t> v;
  for (int i = 0; i < kBatch; ++i) v.push_back(i % 10);
  return Tensor::from_host<std::int32_t>(v, {kBatch}, device);
}

void with_graphs(bool on) { setenv("KELVIN_GRAPH", on ? "1" : "0", 1); }

// The result of `work`. Expects that it replayed recordings or, without graphs, none.
template <class F>
auto expecting_replays(bool graphs, const F& work) {
  with_graphs(graphs);
  const std::int64_t before = StepGraph::replays();
  auto result = work();
  EXPECT_EQ(StepGraph::replays() > before, graphs);
  return result;
}

struct Trained {
  std::vector<float> losses, weights;
  bool has_replayed = false;
};

// kSteps of SGD with a new batch, learning rate and temperature every step.
Trained train(const std::string& name, Device device, DType precision, bool graphs,
              const OptimizerOptions& rule = {.momentum = 0.9f, .weight_decay = 5e-4f}) {
  with_graphs(graphs);
  const auto model = small_model(name, device, precision);
  Optimizer optimizer(model->parameters(), rule);
  const Tensor x = images(device, 0), y = labels(device), loss_out = Tensor::zeros({1}, DType::f32, device);
  const Tensor lr = Tensor::zeros({1}, DType::f32, device), tau = temperature(1.0, device);
  StepGraph graph(device);
  Trained result;
  for (int step = 0; step < kSteps; ++step) {
    x.copy_from(images(device, static_cast<std::uint64_t>(step)));
    lr.copy_from_host(std::vector<float>{0.02f / static_cast<float>(1 + step)});
    tau.copy_from_host(std::vector<float>{1.0f + static_cast<float>(step)});
    graph.run([&] {
      {
        Tape tape(model->parameters(), ParameterGradients::replace);
        const Tensor loss = mean(softmax_cross_entropy(model->forward(x, Mode::train), y, tau));
        tape.backward(loss);
        loss_out.copy_from(loss);
      }
      optimizer.step(lr);
    });
    result.losses.push_back(loss_out.item());
  }
  result.weights = model->parameters().values().to_host<float>();
  result.has_replayed = graph.has_replayed();
  return result;
}

TEST_F(OnGpu, AReplayedTrainingStepEqualsAnEagerOne) {
  for (const std::string& name : workload().models)
    for (const DType precision : {DType::f32, DType::bf16}) {
      const Trained eager = train(name, gpu_, precision, false), replayed = train(name, gpu_, precision, true);
      EXPECT_FALSE(eager.has_replayed);
      EXPECT_TRUE(replayed.has_replayed);
      EXPECT_EQ(replayed.losses, eager.losses) << name << " " << name_of(precision);
      EXPECT_TRUE(replayed.weights == eager.weights) << name << " " << name_of(precision);
    }
}

// Adam's step number lies in device memory: a replay that used the recorded one would correct its moments wrongly.
TEST_F(OnGpu, AReplayedStepCountsOn) {
  const OptimizerOptions adamw = {.kind = OptimizerOptions::Kind::adamw, .weight_decay = 0.05f};
  const Trained eager = train("resnet8", gpu_, DType::f32, false, adamw);
  const Trained replayed = train("resnet8", gpu_, DType::f32, true, adamw);
  EXPECT_TRUE(replayed.has_replayed);
  EXPECT_TRUE(replayed.weights == eager.weights);
}

// The inner attack of adversarial training: other images and random starts every step, a smaller batch in between, another temperature.
TEST_F(OnGpu, ReplayedAdversarialBatchesEqualEagerOnes) {
  const auto batches = [&] {
    const auto model = small_model("resnet8", gpu_, DType::f32);
    AdversarialOptions options = usual_adversarial_options(AdversarialOptions::Kind::pgd);
    options.steps = 5;
    StepTemperatures temperatures(options, gpu_);
    const Tensor x = Tensor::zeros({kBatch, kSide, kSide, 3}, DType::f32, gpu_), y = labels(gpu_);
    InnerAttack inner(*model, options, temperatures, x, y, 7);
    std::vector<float> all;
    for (std::int64_t step = 0; step < 7; ++step) {
      x.copy_from(images(gpu_, static_cast<std::uint64_t>(step)));
      const std::int64_t n = step == 4 ? kBatch / 2 : kBatch;
      temperatures.set(step < 5 ? 1.0 : 20.0);
      const std::vector<float> made = inner.attack(n, step).to_host<float>();
      all.insert(all.end(), made.begin(), made.end());
    }
    return all;
  };
  const std::vector<float> eager = expecting_replays(false, batches), replayed = expecting_replays(true, batches);
  EXPECT_TRUE(eager == replayed);
}

// `kelvin attack`: the iteration recorded in the first batch is replayed in the second, with two restarts each and a smaller last batch. It breaks
// the same images as on the CPU, where finished images leave (except images at the boundary, because the two round differently).
TEST_F(OnGpu, AnAttackOfManyBatchesEqualsAnEagerOneAndFollowsTheCpu) {
  ImageSet set;
  set.count = 2 * kBatch + 5;
  set.height = set.width = kSide;
  set.channels = 3;
  for (std::int64_t i = 0; i < set.count * kSide * kSide * 3; ++i)
    set.bytes.push_back(static_cast<std::uint8_t>(philox({1, 2}, static_cast<std::uint64_t>(i))[0]));
  struct Attacked {
    std::vector<float> pixels;
    std::vector<int> robust;
  };
  const auto attacked = [&](Device device) {
    const auto model = small_model("resnet8", device, DType::f32);
    Attacked a;
    ImageSet labelled = set;
    labelled.labels.assign(static_cast<std::size_t>(set.count), 0);
    // The labels are the clean predictions, so that every image is robust at the start.
    std::vector<std::int32_t> predicted;
    for (const AttackedImage& i :
         attack(*model, labelled, {.eps = 0, .batch_size = kBatch, .pgd = {.steps = 1}}).images)
      predicted.push_back(i.clean_prediction);
    labelled.labels = predicted;
    const AttackResult r =
        attack(*model, labelled, {.eps = 0.01f, .batch_size = kBatch, .pgd = {.step = 0.002f, .restarts = 2}},
               [&](std::int64_t, const Tensor&, const Tensor& adversarial) {
                 const std::vector<float> x = adversarial.to_host<float>();
                 a.pixels.insert(a.pixels.end(), x.begin(), x.end());
               });
    for (const AttackedImage& i : r.images) a.robust.push_back(i.is_robust() ? 1 : 0);
    return a;
  };
  const Attacked eager = expecting_replays(false, [&] { return attacked(gpu_); });
  const Attacked replayed = expecting_replays(true, [&] { return attacked(gpu_); }), cpu = attacked({});
  EXPECT_TRUE(eager.pixels == replayed.pixels);
  EXPECT_EQ(eager.robust, replayed.robust);
  int differ = 0;
  for (std::size_t i = 0; i < cpu.robust.size(); ++i) differ += cpu.robust[i] != eager.robust[i] ? 1 : 0;
  EXPECT_LE(differ, 2);
}

// All that fine-tuning adds to a step: masks drawn anew by a number in device memory, blocks computed again, smoothed labels, clipping, a
// learning rate for every range, averaged weights. The fourth step on is a replay.
Trained fine_tune(Device device, DType precision, bool graphs) {
  with_graphs(graphs);
  const auto model = make_model({.name = "vit_tiny_patch4",
                                 .channels = 3,
                                 .height = kSide,
                                 .width = kSide,
                                 .mean = {},
                                 .std = {},
                                 .precision = precision,
                                 .image_size = workload().fine_tuning_side,
                                 .dropout = 0.1f,
                                 .drop_path = 0.2f,
                                 .checkpoint_activations = true},
                                device, 3);
  Optimizer optimizer(model->parameters(), {.kind = OptimizerOptions::Kind::adamw, .weight_decay = 0.05f},
                      [](const Parameter& p) { return p.spec.name.starts_with("blocks.0") ? 0.5f : 1.0f; });
  WeightAverage average(model->parameters(), 0.9);
  const Tensor x = images(device, 0), y = labels(device), loss_out = Tensor::zeros({1}, DType::f32, device);
  const Tensor lr = Tensor::full({1}, 1e-3f, DType::f32, device), tau = temperature(2.0, device);
  StepGraph graph(device);
  Trained result;
  for (int step = 0; step < kSteps; ++step) {
    model->set_dropout_step(step);
    graph.run([&] {
      model->parameters().zero_gradients();
      Tape tape(model->parameters());
      const Tensor loss = mean(softmax_cross_entropy(model->forward(x, Mode::train), y, tau, 0.1f));
      tape.backward(loss);
      clip_gradient_norm(model->parameters(), 0.5f);
      optimizer.step(lr);
      average.update();
      loss_out.copy_from(loss);
    });
    result.losses.push_back(loss_out.item());
  }
  average.exchange();
  result.weights = model->parameters().values().to_host<float>();
  result.has_replayed = graph.has_replayed();
  return result;
}

TEST_F(OnGpu, AReplayedFineTuningStepEqualsAnEagerOne) {
  for (const DType precision : workload().fine_tuning_precisions) {
    const Trained eager = fine_tune(gpu_, precision, false), replayed = fine_tune(gpu_, precision, true);
    EXPECT_TRUE(replayed.has_replayed);
    EXPECT_EQ(replayed.losses, eager.losses) << name_of(precision);
    EXPECT_TRUE(replayed.weights == eager.weights) << name_of(precision);
  }
}

TEST_F(OnGpu, AReplayedAttackEqualsAnEagerOne) {
  const auto attack = [&] {
    const auto model = small_model("resnet8", gpu_, DType::f32);
    const Tensor x0 = images(gpu_, 1), y = labels(gpu_), tau = temperature(1.0, gpu_), x = x0.clone();
    StepGraph graph(gpu_);
    for (int i = 0; i < kSteps; ++i)
      graph.run([&] {
        Tensor gradient;
        {
          Tape tape({x});
          tape.backward(sum(softmax_cross_entropy(model->forward(x, Mode::eval), y, tau)));
          gradient = tape.gradient(x);
        }
        pgd_step(x, x0, gradient, Norm::linf, {});
      });
    return x.to_host<float>();
  };
  const std::vector<float> eager = expecting_replays(false, attack), replayed = expecting_replays(true, attack);
  EXPECT_TRUE(eager == replayed);
  EXPECT_FALSE(eager == images({}, 1).to_host<float>());
}

// A replay would use the host's values of the recording for ever, and values read back during a recording do not exist yet: both are refused, and
// the device goes on.
TEST_F(OnGpu, AStepThatTalksToTheHostIsRefusedWhenItIsRecorded) {
  with_graphs(true);
  const Tensor x = Tensor::zeros({8}, DType::f32, gpu_);
  for (const bool reads : {false, true}) {
    StepGraph graph(gpu_);
    const auto step = [&] {
      if (reads)
        (void)x.to_host<float>();
      else
        x.copy_from_host(std::vector<float>(8, 1.0f));
    };
    graph.run(step);
    graph.run(step);
    try {
      graph.run(step);
      FAIL() << "recorded";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("exchanges values with the host"), std::string::npos) << e.what();
    }
    EXPECT_EQ(x.to_host<float>(), std::vector<float>(8, 1.0f));
  }
}

// The first losses are those of the same weights with the same roundings: bfloat16 factors, sums in other orders.
TEST_F(OnGpu, BFloat16BeginsAsOnTheCpu) {
  if (!has_bfloat16(Cpu{})) GTEST_SKIP() << "this CPU does not multiply bfloat16";
  const Trained cpu = train("resnet8", {}, DType::bf16, false), gpu = train("resnet8", gpu_, DType::bf16, true);
  for (std::size_t i : {0, 1})
    EXPECT_NEAR(gpu.losses[i], cpu.losses[i], 1e-2 * std::abs(cpu.losses[i])) << "step " << i;
}

// Float32 sums in other orders grow apart as training goes on; over a dozen steps by far less than a percent.
TEST_F(OnGpu, TrainingFollowsTheCpu) {
  for (const char* name : {"mlp", "resnet8"}) {
    const Trained cpu = train(name, {}, DType::f32, false), gpu = train(name, gpu_, DType::f32, true);
    for (int i = 0; i < kSteps; ++i)
      EXPECT_NEAR(gpu.losses[static_cast<std::size_t>(i)], cpu.losses[static_cast<std::size_t>(i)],
                  2e-3 * std::abs(cpu.losses[static_cast<std::size_t>(i)]))
          << name << ", step " << i;
  }
}

}  // namespace
}  // namespace kelvin
