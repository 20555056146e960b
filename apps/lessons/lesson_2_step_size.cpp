// Lesson 2. Does a model at another temperature need another learning rate?
//
//   ∂L/∂w_j = (p_j − 1[j = y]) f(x) / τ        w_j: the prototype of class j, a row of the last layer
//
// Before training p is nearly uniform at τ ≥ 1, so the first gradients shrink like 1/τ. At one learning rate a high τ
// hardly learns and a low one overshoots: such a comparison compares learning rates. The learning rate lr·τ takes the
// factor out.
#include <cmath>
#include <cstdio>

#include "apps/lessons/claim.h"
#include "data/tensor_batch.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "models/accuracy.h"

using namespace kelvin;

// The gradient of a batch's mean loss, into the parameters' own buffer.
static void differentiate(Model& model, const TensorBatch& batch, double tau) {
  Tape tape(model.parameters(), ParameterGradients::replace);
  tape.backward(mean(softmax_cross_entropy(model.forward(batch.images, Mode::train), batch.labels, tau)));
}

// Test accuracy in percent after one epoch.
static double train(const Dataset& data, const TensorBatch& test, double tau, double lr) {
  const auto model = make_model(spec_for(data, "mlp"), {}, /*seed=*/0);
  Optimizer optimizer(model->parameters(), {.momentum = 0.9f});
  const Tensor rate = Tensor::full({1}, static_cast<float>(lr));
  for_each_batch(data.train, 128, {}, [&](const TensorBatch& batch) {
    differentiate(*model, batch, tau);
    optimizer.step(rate);
  });
  return 100 * accuracy_of(*model, test.images, test.labels);
}

// ‖∂L/∂W‖ of the prototypes before training.
static double first_gradient(const Dataset& data, const TensorBatch& batch, double tau) {
  const auto model = make_model(spec_for(data, "mlp"), {}, /*seed=*/0);
  differentiate(*model, batch, tau);
  double squares = 0;
  for (const float g : model->prototypes().gradient.to_host<float>()) squares += static_cast<double>(g) * g;
  return std::sqrt(squares);
}

int main(int argc, char** argv) {
  const Dataset data = load_dataset(argc > 1 ? argv[1] : "fashion-mnist", {.train_limit = 20000, .test_limit = 1000});
  const TensorBatch test = tensor_batch(data.test, 0, data.test.count, {});
  constexpr double kRate = 0.05;
  std::printf("%5s %14s %14s   accuracy %%: lr = %g   lr = %g tau\n", "tau", "|dL/dW|", "tau |dL/dW|", kRate, kRate);
  const double unit = first_gradient(data, test, 1);
  for (const double tau : {0.1, 1.0, 10.0, 50.0}) {
    const double norm = first_gradient(data, test, tau);
    const double fixed = train(data, test, tau, kRate), scaled = train(data, test, tau, kRate * tau);
    std::printf("%5g %14.5f %14.5f %23.1f %15.1f\n", tau, norm, tau * norm, fixed, scaled);
    if (tau >= 1) claim(std::abs(tau * norm / unit - 1) < 0.1, "the first gradient is that of tau = 1 divided by tau");
    if (tau == 0.1) claim(fixed < scaled - 20, "a low temperature overshoots at the rate of tau = 1");
    if (tau == 50) claim(fixed < scaled - 20, "a high temperature has hardly begun at the rate of tau = 1");
    claim(scaled > 70, "with lr tau every temperature learns");
  }
  std::printf("\nCompare temperatures at lr tau, or better each at its own best rate (lr-fair of kelvin sweep).\n");
}
