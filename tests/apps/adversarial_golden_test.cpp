// Adversarial training's outer step against PyTorch (tools/golden/adversarial_training.py): losses, gradients with respect to both
// logits, and one whole step of each objective under adversarial weight perturbation.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "apps/training/objectives.h"
#include "apps/training/weight_perturbation.h"
#include "data/npy.h"
#include "engine/checkpoint.h"
#include "engine/ops/adversarial_losses.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "engine/tensor_file.h"

namespace kelvin {
namespace {

using Kind = AdversarialOptions::Kind;
using Floats = std::vector<float>;

NpyArray golden(const std::string& name) {
  return read_npy(std::filesystem::path(KELVIN_GOLDEN_DIR) / "adversarial_training" / (name + ".npy"));
}

Tensor golden_tensor(const std::string& name, const Shape& shape) {
  return Tensor::from_host<float>(golden(name).to_float(), shape);
}

double norm(const Floats& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

double relative(const Floats& a, const Floats& b) {
  EXPECT_EQ(a.size(), b.size());
  Floats difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return norm(difference) / norm(b);
}

// At τ = 1 everywhere and at three different temperatures. Both sides are float32; 1 − q_k of a sure row cancels to 1e-4, which
// leaves four digits of a gradient there.
TEST(AdversarialGolden, LossesAndTheirGradients) {
  const Tensor clean = golden_tensor("clean", {5, 7}), adversarial = golden_tensor("adversarial", {5, 7});
  std::vector<std::int32_t> y;
  for (const float v : golden("labels").to_float()) y.push_back(static_cast<std::int32_t>(v));
  const Tensor labels = Tensor::from_host<std::int32_t>(y, {5});
  for (const Kind kind : {Kind::trades, Kind::mart})
    for (const bool several : {false, true}) {
      AdversarialOptions o = usual_adversarial_options(kind);
      if (several) {
        o.kl_tau = 0.5;
        o.kl_adversarial_tau = 3;
      }
      StepTemperatures t(o, {});
      t.set(several ? 2 : 1);
      Tape tape({clean, adversarial});
      const Tensor loss = objective_of_logits(o, t, t.outer, clean, adversarial, labels);
      const float value = loss.item();
      tape.backward(loss);
      const std::string name = std::string(name_of(kind)) + (several ? "-several" : "-one");
      const float expected = golden(name + ".loss").to_float()[0];
      EXPECT_NEAR(value, expected, 1e-5 * expected) << name;
      EXPECT_LT(relative(tape.gradient(clean).to_host<float>(), golden(name + ".dclean").to_float()), 1e-4) << name;
      EXPECT_LT(relative(tape.gradient(adversarial).to_host<float>(), golden(name + ".dadversarial").to_float()), 1e-3)
          << name;
    }
}

// One row a tensor, sorted by name: its norm, then evenly spaced elements in PyTorch's order.
Floats rows_of(const std::map<std::string, Floats>& tensors) {
  constexpr std::size_t kSamples = 8;
  Floats rows;
  for (const auto& [name, values] : tensors) {
    rows.push_back(static_cast<float>(norm(values)));
    for (std::size_t i = 0; i < kSamples; ++i) rows.push_back(values[i * values.size() / kSamples]);
  }
  return rows;
}

// The images of tests/golden/resnet8 and the same with a fixed pattern on top.
ObjectiveBatch golden_batch() {
  const Floats images = read_npy(std::filesystem::path(KELVIN_GOLDEN_DIR) / "resnet8" / "images.npy").to_float();
  Floats moved;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto wave = static_cast<float>(std::cos(static_cast<double>(i)));
    moved.push_back(std::min(1.0f, std::max(0.0f, images[i] + 0.05f * wave)));
  }
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 8; ++i) labels.push_back(i);
  return {Tensor::from_host<float>(images, {8, 12, 12, 3}), Tensor::from_host<float>(moved, {8, 12, 12, 3}),
          Tensor::from_host<std::int32_t>(labels, {8})};
}

// Gradient at θ, perturbation, gradient there, SGD with momentum and weight decay, restoring. Eight blocks of float32 convolutions and
// BatchNorm over few pixels leave 1e-4 of a gradient, a step of 0.1 times which is far below 1e-4 of a weight.
TEST(AdversarialGolden, OneStepUnderWeightPerturbation) {
  for (const Kind kind : {Kind::pgd, Kind::trades, Kind::mart}) {
    const std::string name = std::string(name_of(kind)) + "-awp.";
    const auto model = make_model({.name = "resnet8", .height = 12, .width = 12, .mean = {}, .std = {}}, {}, 0);
    const Parameters& parameters = model->parameters();
    load_parameters(read_safetensors(std::filesystem::path(KELVIN_GOLDEN_DIR) / "resnet8" / "weights.safetensors"),
                    parameters);
    AdversarialOptions o = usual_adversarial_options(kind);
    const WeightPerturbation perturbation(parameters, kind == Kind::pgd ? 0.01 : 0.005);
    Optimizer optimizer(parameters, {.momentum = 0.9f, .weight_decay = 5e-4f});
    StepTemperatures t(o, {});
    const ObjectiveBatch batch = golden_batch();
    const auto values = [&] {
      std::map<std::string, Floats> all;
      for (const Parameter& p : parameters) all[p.spec.name] = to_file_order(p.value);
      return all;
    };
    const auto differentiate = [&] {
      parameters.zero_gradients();
      Tape tape(parameters);
      const Tensor loss = objective(*model, o, t, t.outer, {}, batch).loss;
      tape.backward(loss);
      return loss.item();
    };

    const std::map<std::string, Floats> before = values();
    perturbation.keep_statistics();
    (void)differentiate();
    perturbation.perturb();
    std::map<std::string, Floats> moves;
    for (const auto& [parameter, moved] : values()) {
      Floats move;
      for (std::size_t i = 0; i < moved.size(); ++i) move.push_back(moved[i] - before.at(parameter)[i]);
      if (norm(move) > 0) moves[parameter] = move;
    }
    const float loss = differentiate();
    move_statistics_again(*model, o, {}, batch);
    optimizer.step(Tensor::full({1}, 0.1f));
    perturbation.restore();

    std::map<std::string, Floats> statistics;
    for (const Parameter& b : parameters.buffers()) statistics[b.spec.name] = to_file_order(b.value);
    EXPECT_NEAR(loss, golden(name + "loss").to_float()[0], 1e-4);
    // A move is the difference of two float32 weights a hundred times larger: 1e-5 of it is rounding.
    EXPECT_LT(relative(rows_of(moves), golden(name + "moves").to_float()), 1e-3) << name_of(kind);
    EXPECT_LT(relative(rows_of(values()), golden(name + "weights").to_float()), 1e-4) << name_of(kind);
    EXPECT_LT(relative(rows_of(statistics), golden(name + "statistics").to_float()), 1e-5) << name_of(kind);
  }
}

}  // namespace
}  // namespace kelvin
