#include "apps/bench/bench.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include "apps/attacks/ascent.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/convolution/conv2d.h"
#include "kernels/device/pool.h"
#include "kernels/device/profile.h"
#include "kernels/device/step_graph.h"
#include "kernels/device/transfer.h"
#include "models/frozen_weights.h"
#include "models/model.h"

namespace kelvin {
namespace {

using Clock = std::chrono::steady_clock;

struct Inputs {
  Tensor images, labels, indices;
};

Inputs random_inputs(const BenchOptions& o, Device device) {
  Inputs in{Tensor::empty({o.batch_size, o.size, o.size, o.channels}, DType::f32, device), {}, {}};
  on(device, [&](const auto& dev) {
    fill_uniform(dev, in.images.view<float>(), {1, random_stream("bench")}, 0.0f, 1.0f);
  });
  std::vector<std::int32_t> labels, indices;
  for (int i = 0; i < o.batch_size; ++i) {
    labels.push_back(i % o.classes);
    indices.push_back(i);
  }
  in.labels = Tensor::from_host<std::int32_t>(labels, {o.batch_size}, device);
  in.indices = Tensor::from_host<std::int32_t>(indices, {o.batch_size}, device);
  return in;
}

// The same work, recorded as a graph and replayed if the device can.
std::function<void()> replayed(std::function<void()> work, Device device) {
  return [work = std::move(work), graph = std::make_shared<StepGraph>(device)] { graph->run(work); };
}

std::function<void()> training_step(Model& model, const Inputs& in, Device device) {
  auto optimizer =
      std::make_shared<Optimizer>(model.parameters(), OptimizerOptions{.momentum = 0.9f, .weight_decay = 5e-4f});
  return [&model, in, optimizer, lr = Tensor::full({1}, 0.1f, DType::f32, device), tau = temperature(1.0, device)] {
    {
      Tape tape(model.parameters(), ParameterGradients::replace);
      tape.backward(mean(softmax_cross_entropy(model.forward(in.images, Mode::train), in.labels, tau)));
    }
    optimizer->step(lr);
  };
}

// The attack alone: random start and K iterations of forward, input gradient and step.
std::function<void()> pgd(Model& model, const Inputs& in, int steps, Device device) {
  const Tensor x = Tensor::empty_like(in.images);
  const auto iteration = [&model, in, x, tau = temperature(1.0, device)] {
    const RowLoss loss = [&](const Tensor& logits) { return softmax_cross_entropy(logits, in.labels, tau); };
    ascend(model, x, in.images, loss, Norm::linf, {});
  };
  return [in, x, steps, run = replayed(iteration, device), frozen = std::make_shared<FrozenWeights>()] {
    const FrozenWeights::Use use(*frozen);
    x.copy_from(random_start(in.images, in.indices, Norm::linf, {1, random_stream("random_start/0")}, 8.0f / 255.0f));
    for (int i = 0; i < steps; ++i) run();
  };
}

std::function<void()> step_for(const std::string& what, Model& model, const Inputs& in, Device device) {
  if (what == "train") return replayed(training_step(model, in, device), device);
  if (what == "infer")
    return [run = replayed([&model, in] { (void)model.forward(in.images, Mode::eval); }, device),
            frozen = std::make_shared<FrozenWeights>()] {
      const FrozenWeights::Use use(*frozen);
      run();
    };
  if (what.starts_with("pgd")) return pgd(model, in, std::max(1, std::atoi(what.c_str() + 3)), device);
  throw mistake("cases"_field, " ", what, "-...: expected ", kBenchCases);
}

// Profiles steps whose kernels are launched one by one, also on a GPU: their sum is longer than a replayed step.
std::vector<BenchProfileLine> profile_of(const std::function<void()>& step, Device device) {
  constexpr int kSteps = 3;
  profile_enable(true);
  const double start = now();
  for (int i = 0; i < kSteps; ++i) {
    on(device, [](const auto& dev) { profile_hold(dev); });
    step();
  }
  double unnamed = 1000 * (now() - start) / kSteps;
  on(device, [](const auto& dev) { profile_collect(dev); });
  std::vector<BenchProfileLine> lines;
  for (const auto& [name, entry] : profile_entries()) {
    lines.push_back({name, 1000 * entry.seconds / kSteps, static_cast<double>(entry.calls) / kSteps});
    unnamed -= lines.back().milliseconds;
  }
  profile_enable(false);
  if (device.kind == DeviceKind::cpu && unnamed > 0) lines.push_back({"what has no range of its own", unnamed, 0});
  std::sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.milliseconds > b.milliseconds; });
  return lines;
}

}  // namespace

double now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

BenchRow run_bench(const std::string& name, const BenchOptions& o, Device device) {
  const std::size_t dash = name.find('-');
  if (dash == std::string::npos) throw mistake("cases"_field, " ", name, ": expected ", kBenchCases);
  require_precision(o.precision, device);
  const std::unique_ptr<Model> model = make_model({.name = name.substr(dash + 1),
                                                   .classes = o.classes,
                                                   .channels = o.channels,
                                                   .height = o.size,
                                                   .width = o.size,
                                                   .mean = {},
                                                   .std = {},
                                                   .precision = o.precision},
                                                  device, 1);
  const Inputs in = random_inputs(o, device);
  const std::function<void()> step = step_for(name.substr(0, dash), *model, in, device);
  const auto wait = [&] { on(device, [](const auto& dev) { synchronize(dev); }); };
  for (int i = 0; i < (device.kind == DeviceKind::cuda ? 4 : 1); ++i)
    step();  // makes plans, fills the pool, records the graph
  wait();
  for (const std::string& plan : conv2d_reference_plans(Cpu{}))
    throw mistake("oneDNN has no fast convolution here (", plan, "); the benchmark would measure that alone");
  const double first = now();
  step();
  wait();
  const double estimate = now() - first;
  const int per_window = std::max(1, static_cast<int>(o.seconds / 12 / estimate));

  const bool is_cpu = device.kind == DeviceKind::cpu;
  profile_enable(is_cpu);
  const double start = now();
  std::vector<double> windows;
  while (now() - start < o.seconds || windows.size() < 3) {
    const double begin = now();
    for (int i = 0; i < per_window; ++i) step();
    wait();
    windows.push_back((now() - begin) / per_window);
  }
  const double total = now() - start;
  const auto profile = profile_entries();
  profile_enable(false);
  std::sort(windows.begin(), windows.end());
  const std::size_t fastest = std::max<std::size_t>(1, windows.size() / 3);
  double seconds = 0;
  for (std::size_t i = 0; i < fastest; ++i) seconds += windows[i] / static_cast<double>(fastest);

  const auto share = [&](const char* range) {
    return !is_cpu ? -1.0 : profile.contains(range) ? profile.at(range).seconds / total : 0.0;
  };
  BenchRow row;
  row.name = name;
  row.img_per_s = o.batch_size / seconds;
  row.conv_share = share("conv2d");
  row.repack_share = share("conv2d_repack");
  if (o.profile) row.profile = profile_of(step, device);
  row.pool_peak_mb = on(device, [](const auto& dev) { return static_cast<double>(pool_use(dev).peak); }) / 1048576.0;
  row.peak_rss_mb = peak_rss_mb();
  return row;
}

}  // namespace kelvin
