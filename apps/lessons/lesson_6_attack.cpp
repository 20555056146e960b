// Lesson 6. Is a model of a high temperature robust, or did the attack not run?
//
// FGSM and PGD from scratch: x ← clip(x + step·sign(∂L/∂x)), within ε of the image and in [0, 1]. The same attack
// follows two losses, cross-entropy and its log-odds form (lesson 5). If both run, they agree. A targeted attack
// descends the cross-entropy of another class, which does not saturate: ∂L/∂z = p − e_target. It asks for more than an
// untargeted one, so a converged untargeted attack never leaves more images.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "apps/lessons/claim.h"
#include "data/tensor_batch.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "models/accuracy.h"

using namespace kelvin;

using Loss = std::function<Tensor(const Tensor& logits)>;  // [N, C] -> [N]

// Ascends the loss (descends with a negative step); FGSM is one step of size ε.
static Tensor pgd(Model& model, const Tensor& images, const Loss& loss, float eps, float step, int steps) {
  const std::vector<float> x0 = images.to_host<float>();
  std::vector<float> x = x0;
  for (int s = 0; s < steps; ++s) {
    const Tensor at = Tensor::from_host<float>(x, images.shape());
    Tape tape({at});
    tape.backward(sum(loss(model.forward(at, Mode::eval))));
    const std::vector<float> g = tape.gradient(at).to_host<float>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float sign = static_cast<float>(g[i] > 0) - static_cast<float>(g[i] < 0);
      x[i] = std::clamp(x[i] + step * sign, std::max(x0[i] - eps, 0.0f), std::min(x0[i] + eps, 1.0f));
    }
  }
  return Tensor::from_host<float>(x, images.shape());
}

static void train(Model& model, const Dataset& data, double tau) {
  Optimizer optimizer(model.parameters(), {.momentum = 0.9f});
  const Tensor rate = Tensor::full({1}, static_cast<float>(0.02 * tau));
  const auto step = [&](const TensorBatch& batch) {
    {
      Tape tape(model.parameters(), ParameterGradients::replace);
      tape.backward(mean(softmax_cross_entropy(model.forward(batch.images, Mode::train), batch.labels, tau)));
    }
    optimizer.step(rate);
  };
  for (int epoch = 0; epoch < 5; ++epoch) for_each_batch(data.train, 128, {}, step);
}

int main(int argc, char** argv) {
  const Dataset data = load_dataset(argc > 1 ? argv[1] : "fashion-mnist", {.train_limit = 20000, .test_limit = 500});
  const TensorBatch test = tensor_batch(data.test, 0, data.test.count, {});
  std::vector<std::int32_t> others = test.labels.to_host<std::int32_t>();
  for (std::int32_t& y : others) y = (y + 1) % data.classes;
  const Tensor targets = Tensor::from_host<std::int32_t>(others, test.labels.shape());
  const Loss ce = [&](const Tensor& z) { return softmax_cross_entropy(z, test.labels, 1.0); };
  const Loss odds = [&](const Tensor& z) { return log_odds_cross_entropy(z, test.labels, 1.0); };
  const Loss target = [&](const Tensor& z) { return softmax_cross_entropy(z, targets, 1.0); };
  constexpr float kEps = 16.0f / 255, kStep = 4.0f / 255;
  std::printf("accuracy %%  clean   FGSM   PGD-20 on cross-entropy   on log-odds   gap   towards the next class\n");
  for (const double tau : {1.0, 50.0}) {
    const auto model = make_model(spec_for(data, "mlp"), {}, /*seed=*/0);
    train(*model, data, tau);
    const auto accuracy = [&](const Tensor& x) { return 100 * accuracy_of(*model, x, test.labels); };
    const auto under = [&](const Loss& l, float step) { return accuracy(pgd(*model, test.images, l, kEps, step, 20)); };
    const double fgsm = accuracy(pgd(*model, test.images, ce, kEps, kEps, 1));
    const double on_ce = under(ce, kStep), on_odds = under(odds, kStep), targeted = under(target, -kStep);
    std::printf("tau %-6g %6.1f %6.1f %25.1f %13.1f %5.1f %24.1f\n", tau, accuracy(test.images), fgsm, on_ce, on_odds,
                on_ce - on_odds, targeted);
    if (tau == 1) claim(std::abs(on_ce - on_odds) < 1, "at tau = 1 the two losses agree: both attacks run");
    if (tau == 50) claim(on_ce - on_odds > 15, "at tau = 50 cross-entropy leaves far more images than log-odds");
    if (tau == 50) claim(targeted < on_ce, "at tau = 50 even a targeted attack finds more: the untargeted one failed");
  }
}
