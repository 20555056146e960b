#include "tests/gpu_ranks/rank_cases.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>

#include "engine/gradient_exchange.h"
#include "engine/ops/activation.h"
#include "engine/ops/linear.h"
#include "engine/ops/losses.h"
#include "engine/ops/scaling.h"
#include "engine/optim.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/device/side_stream.h"
#include "kernels/device/step_graph.h"
#include "kernels/device/transfer.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/processes/all_reduce.h"
#include "kernels/processes/processes.h"
#include "models/model.h"

namespace kelvin {
namespace {

using Floats = std::vector<float>;

int faults = 0;

void expect(bool holds, const std::string& what) {
  if (holds || ++faults > 5) return;
  std::printf("rank %d: %s\n", processes().rank(), what.c_str());
}

Device open() {
  cuda_settings().autotune = false;
  CudaRefusal why;
  const Cuda* const cuda = open_cuda(why, {processes().local_rank(), processes().local_size()});
  if (cuda == nullptr) throw Error(why.code, why.reason);
  return {DeviceKind::cuda, cuda};
}

void all_reduce(const Device& device, const Tensor& t) {
  on(device, [&](const auto& dev) { all_reduce_sum(dev, t.view<float>(), "a test"); });
}

// The values of all ranks added in rank order, by the host.
Floats sum_over_ranks(const Floats& mine) {
  Floats total;
  for (const Bytes& bytes : processes().gather(std::as_bytes(std::span(mine)), "a test")) {
    Floats values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    if (total.empty())
      total = values;
    else
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += values[i];
  }
  return total;
}

// A sum of two is rounded once, in either order; a ring adds more ranks in an order of its own.
bool is_sum(const Floats& given, const Floats& expected) {
  if (processes().size() == 2 || std::getenv("KELVIN_EMULATION_RANKS") != nullptr) return given == expected;
  float largest = 0;
  for (const float v : expected) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!(std::abs(given[i] - expected[i]) <= 1e-5f * largest)) return false;
  return given.size() == expected.size();
}

Floats random_values(std::int64_t n, int which) {
  const Tensor x = Tensor::empty({n}, DType::f32);
  const auto seed = static_cast<std::uint64_t>(100 * processes().rank() + which);
  fill_uniform(Cpu{}, x.view<float>(), {seed, random_stream("rank")}, -1, 1);
  return x.to_host<float>();
}

void sums() {
  const Device gpu = open();
  for (const std::int64_t n : {1, 7, 1000, 70000}) {
    const Floats mine = random_values(n, static_cast<int>(n));
    const Tensor x = Tensor::from_host<float>(mine, {n}, gpu);
    all_reduce(gpu, x);
    expect(is_sum(x.to_host<float>(), sum_over_ranks(mine)), str("a sum of ", n, " values is wrong"));
  }
}

// In each run total <- total + Σ_r values of rank r, on a stream beside the main one, which adds to something else meanwhile. `joins`: before
// what reads the sum. `sums_on_both`: the main stream has a sum of its own in between.
Floats beside(bool joins, int runs, bool sums_on_both = false) {
  const Device gpu = open();
  const std::int64_t n = 5000;
  const Tensor start = Tensor::from_host<float>(random_values(n, 1), {n}, gpu), x = start.clone();
  const Tensor total = Tensor::zeros({n}, DType::f32, gpu), other = start.clone();
  const Tensor small = Tensor::zeros({10}, DType::f32, gpu);
  on(gpu, [](const auto& dev) { open_all_reduce(dev); });
  const auto add = [](const Tensor& to, const Tensor& y) {
    on(to.device(), [&](const auto& dev) { accumulate(dev, to.view<float>(), y.view<const float>()); });
  };
  StepGraph graph(gpu);
  for (int run = 0; run < runs; ++run)
    graph.run([&] {
      x.copy_from(start);
      const Device side = on(gpu, [](const auto& dev) { return fork_side(dev, Side::exchange); });
      all_reduce(side, x);
      if (sums_on_both) {
        small.copy_from(start.narrow(0, small.size()));
        all_reduce(gpu, small);
      }
      for (int i = 0; i < 5; ++i) add(other, start);
      const auto join = [&] { on(gpu, [](const auto& dev) { join_side(dev, Side::exchange); }); };
      if (joins) join();
      add(total, x);
      if (!joins) join();
    });
  expect(runs < 3 || graph.has_replayed() == (std::getenv("KELVIN_GRAPH") == nullptr), "nothing was recorded");
  if (sums_on_both)
    expect(is_sum(small.to_host<float>(), sum_over_ranks(start.narrow(0, small.size()).to_host<float>())),
           "the main stream's sum is wrong");
  return total.to_host<float>();
}

Floats expected_beside(int runs) {
  const Floats once = sum_over_ranks(random_values(5000, 1));
  Floats total(once.size());
  for (int run = 0; run < runs; ++run)
    for (std::size_t i = 0; i < once.size(); ++i) total[i] += once[i];
  return total;
}

void replayed_sums() {
  expect(is_sum(beside(true, 6), expected_beside(6)), "replayed sums are wrong");
  expect(is_sum(beside(true, 6, true), expected_beside(6)), "sums of two streams are wrong");
}
void joined_too_late() { expect(is_sum(beside(false, 6), expected_beside(6)), "the sum was read before it was there"); }

std::unique_ptr<Model> small_model(const std::string& name, Device device) {
  return make_model({.name = name, .classes = 10, .channels = 3, .height = 8, .width = 8, .mean = {}, .std = {}},
                    device, 3);
}

std::vector<const Parameter*> pointers(const Parameters& parameters) {
  std::vector<const Parameter*> all;
  for (const Parameter& p : parameters) all.push_back(&p);
  return all;
}

// Every element of a trained parameter is in exactly one bucket, nothing else but gaps is, and buckets are full where neighbours allow it.
void check_buckets(const std::vector<const Parameter*>& trained, const GradientExchange& exchange, std::int64_t most) {
  std::map<const float*, std::int64_t> begins;
  for (const GradientExchange::Bucket& b : exchange.buckets())
    begins[b.gradients.view<const float>().data] = b.gradients.size();
  const float* end = nullptr;
  for (const auto& [begin, size] : begins) {
    expect(begin >= end, "two buckets overlap");
    end = begin + size;
  }
  std::map<const float*, std::int64_t> within;
  for (const Parameter* p : trained) {
    const float* const begin = p->gradient.view<const float>().data;
    const auto after = begins.upper_bound(begin);
    if (after == begins.begin()) return expect(false, p->spec.name + " is in no bucket");
    const auto& [bucket, size] = *std::prev(after);
    expect(begin + p->gradient.size() <= bucket + size, p->spec.name + " is in no bucket");
    within[bucket] += p->gradient.size();
    expect(size * 4 <= most || size == p->gradient.size(), "a bucket is too large");
  }
  for (const auto& [bucket, size] : begins)
    expect(size - within[bucket] < 64 * static_cast<std::int64_t>(trained.size()), "a bucket holds other parameters");
}

struct Objective {
  std::function<Tensor()> loss;
  std::vector<const Parameter*> trained;
};

// Gradients of an overlapped, recorded and replayed backward pass are the sums of the ranks' own ones, bit for bit; so the ranks' weights stay equal.
// `twice`: a second pass in the same step replaces the first, as in adversarial weight perturbation.
void train(const Parameters& parameters, const Objective& objective, Device gpu, std::int64_t bucket_bytes,
           const std::function<void(int)>& next_batch, bool twice) {
  GradientExchange exchange(objective.trained, bucket_bytes);
  check_buckets(objective.trained, exchange, bucket_bytes);
  expect(exchange.buckets().size() > 2, str("only ", exchange.buckets().size(), " buckets"));
  Optimizer optimizer(parameters, {.momentum = 0.9f},
                      [&](const Parameter& p) { return p.spec.name == "frozen" ? 0.0f : 1.0f; });
  const Tensor lr = Tensor::full({1}, 0.05f, DType::f32, gpu);
  const Tensor share = Tensor::full({1}, 1.0f / static_cast<float>(processes().size()), DType::f32, gpu);
  const Tensor seen = Tensor::empty_like(parameters.gradients()), first = Tensor::empty_like(seen);
  StepGraph graph(gpu);
  for (int step = 0; step < 4; ++step) {  // two eager, the recording, a replay
    next_batch(step);
    {
      Tape tape(objective.trained, ParameterGradients::replace);
      tape.backward(objective.loss(), share);
    }
    const Floats expected = sum_over_ranks(parameters.gradients().to_host<float>());
    graph.run([&] {
      for (const Tensor& copy : twice ? std::vector{first, seen} : std::vector{seen}) {
        Tape tape(objective.trained, ParameterGradients::replace);
        const Tensor loss = objective.loss();
        exchange.backward(tape, loss, share);
        copy.copy_from(parameters.gradients());
      }
      optimizer.step(lr);
    });
    expect(is_sum(seen.to_host<float>(), expected), str("gradients of step ", step, " are not the sum of the ranks'"));
    if (twice) expect(is_sum(first.to_host<float>(), expected), str("first gradients of step ", step, " are wrong"));
  }
  expect(graph.has_replayed() == (std::getenv("KELVIN_GRAPH") == nullptr), "nothing was recorded");
  const Floats weights = parameters.values().to_host<float>();
  processes().require_equal("the weights", {reinterpret_cast<const char*>(weights.data()), weights.size() * 4});
}

Tensor rows(Device gpu, std::int64_t n, std::int64_t size, int which) {
  return Tensor::from_host<float>(random_values(n * size, which), {n, size}, gpu);
}

// "training MODEL once|twice": the model's loss on clean images and on others, as in TRADES: every parameter is used twice.
void training(const std::string& name, bool twice) {
  const Device gpu = open();
  const auto model = small_model(name, gpu);
  const std::int64_t n = 3 + processes().rank();  // shards of unlike size
  const Tensor x = Tensor::zeros({n, 8, 8, 3}, DType::f32, gpu), other = Tensor::zeros({n, 8, 8, 3}, DType::f32, gpu);
  std::vector<std::int32_t> classes;
  for (std::int64_t i = 0; i < n; ++i) classes.push_back(static_cast<std::int32_t>(i % 10));
  const Tensor y = Tensor::from_host<std::int32_t>(classes, {n}, gpu);
  const auto loss = [&] {
    const Tensor clean = model->forward(x, Mode::train), adversarial = model->forward(other, Mode::train);
    return add(mean(softmax_cross_entropy(clean, y, 1.0)), mean(softmax_cross_entropy(adversarial, y, 2.0)));
  };
  train(
      model->parameters(), {loss, pointers(model->parameters())}, gpu, 40'000,
      [&](int step) {
        x.copy_from_host(random_values(x.size(), step));
        other.copy_from_host(random_values(x.size(), step + 50));
      },
      twice);
}

// A parameter that nobody uses gets zeros, a frozen one is not sent, and one is used by two layers.
void unusual_parameters() {
  const Device gpu = open();
  Parameters p;
  const Init init = fan_in_uniform(16);
  const Parameter& shared = p.add({"shared", {16, 16}, init});
  const Parameter& frozen = p.add({"frozen", {16, 16}, init});
  const Parameter& unused = p.add({"unused", {16, 16}, init});
  const Parameter& last = p.add({"last", {16, 16}, init});
  const Parameter& bias = p.add({"bias", {16}, init, false});
  p.allocate(gpu, 1);
  const Tensor x = Tensor::zeros({4, 16}, DType::f32, gpu);
  const auto loss = [&] {
    const Tensor a = relu(linear(x, shared.value, bias.value));
    const Tensor b = relu(linear(linear(a, frozen.value, {}), shared.value, bias.value));
    return mean(linear(b, last.value, {}));
  };
  unused.gradient.copy_from_host(Floats(256, 7));
  train(
      p, {loss, {&shared, &unused, &last, &bias}}, gpu, 1024, [&](int step) { x.copy_from(rows(gpu, 4, 16, step)); },
      false);
  expect(unused.gradient.to_host<float>() == Floats(256), "an unused gradient is not zero");
  expect(frozen.gradient.to_host<float>() == Floats(256), "a frozen gradient is not zero");
}

// The last layer's bucket has been sent when the backward pass gets to the layer before it, and so on.
void early() {
  const Device gpu = open();
  Parameters p;
  for (const char* name : {"first", "second", "third"}) p.add({name, {16, 16}, fan_in_uniform(16)});
  p.allocate(gpu, 1);
  GradientExchange exchange(pointers(p), 1024);
  expect(exchange.buckets().size() == 3, "a layer's bucket is not its own");
  const Tensor x = rows(gpu, 4, 16, 1), one = Tensor::full({1}, 1.0f, DType::f32, gpu);
  std::vector<std::size_t> sent;
  const auto watched = [&](const Tensor& t) {
    return record("watched", t.clone(), {t}, [&](const Tensor& dy, Grads& g) {
      sent.push_back(exchange.sent());
      g.add(0, dy);
    });
  };
  StepGraph graph(gpu);
  for (int step = 0; step < 4; ++step)
    graph.run([&] {
      Tape tape(p, ParameterGradients::replace);
      Tensor t = x;
      for (const Parameter& layer : p) t = watched(linear(t, layer.value, {}));
      const Tensor loss = mean(t);
      exchange.backward(tape, loss, one);
    });
  const std::vector<std::size_t> once = {0, 1, 2};
  for (std::size_t i = 0; i < sent.size(); ++i) expect(sent[i] == once[i % 3], "a bucket was not sent early");
  expect(sent.size() >= 9, "the layers were not watched");
}

// Gradients of several batches are added, and exchanged once; a rank without images sends zeros.
void accumulated() {
  const Device gpu = open();
  Parameters p;
  const Parameter& w = p.add({"w", {16, 16}, fan_in_uniform(16)});
  p.allocate(gpu, 1);
  GradientExchange exchange({&w});
  for (int step = 0; step < 3; ++step) {
    p.zero_gradients();
    const bool has_images = step < 2 || processes().rank() == 0;
    for (int batch = 0; batch < 2 && has_images; ++batch) {
      Tape tape(p);
      const Tensor loss = mean(linear(rows(gpu, 4, 16, 10 * step + batch), w.value, {}));
      tape.backward(loss);
    }
    const Floats expected = sum_over_ranks(p.gradients().to_host<float>());
    exchange.exchange();
    expect(is_sum(p.gradients().to_host<float>(), expected), str("accumulated gradients of step ", step, " are wrong"));
  }
}

// Rank 1 leaves a sum out, or adds fewer values.
void unlike(bool skips) {
  const Device gpu = open();
  const Tensor x = Tensor::zeros({300}, DType::f32, gpu);
  for (int i = 0; i < 3; ++i) {
    const bool is_other = i == 1 && processes().rank() == 1;
    if (!is_other || !skips) all_reduce(gpu, x.narrow(100 * i, is_other ? 50 : 100));
  }
  on(gpu, [](const auto& dev) { synchronize(dev); });
}

// Sums without end: a rank that is lost meanwhile must be noticed.
void endless() {
  processes().set_hang_after(0.3);
  const Device gpu = open();
  const Tensor x = Tensor::zeros({1000}, DType::f32, gpu);
  on(gpu, [](const auto& dev) { open_all_reduce(dev); });
  StepGraph graph(gpu);
  while (true) {
    graph.run([&] { all_reduce(gpu, x); });
    (void)x.to_host<float>();
  }
}

void run_case(const std::vector<std::string>& a) {
  if (a[0] == "sums") return sums();
  if (a[0] == "replayed-sums") return replayed_sums();
  if (a[0] == "joined-too-late") return joined_too_late();
  if (a[0] == "training") return training(a[1], a[2] == "twice");
  if (a[0] == "unusual-parameters") return unusual_parameters();
  if (a[0] == "early") return early();
  if (a[0] == "accumulated") return accumulated();
  if (a[0] == "skips") return unlike(true);
  if (a[0] == "fewer") return unlike(false);
  if (a[0] == "endless") return endless();
  throw mistake("there is no case ", a[0]);
}

}  // namespace

int run_rank(const std::vector<std::string>& arguments) {
  try {
    run_case(arguments);
    return processes().end(faults == 0 ? 0 : 3);
  } catch (const EndedByOther& e) {
    (void)processes().line_of_failure("", e.code());
    return processes().end(static_cast<int>(e.code()));
  } catch (const Error& e) {
    if (const auto line = processes().line_of_failure(e.what(), e.code())) std::printf("%s\n", line->c_str());
    std::fflush(stdout);
    return processes().end(static_cast<int>(e.code()));
  }
}

}  // namespace kelvin
