// Lesson 4. Is a temperature anything that ordinary training does not have?
//
// Divide the last layer by τ: W' = W/τ, b' = b/τ. Then the loss at τ is the ordinary cross-entropy of z' = W'f + b',
// and an SGD step of lr on W is one of lr/τ² on W'. So training at τ is training at τ = 1 with a small, slow head,
// whose logits are multiplied by τ afterwards.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/lessons/claim.h"
#include "data/tensor_batch.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "models/accuracy.h"

using namespace kelvin;

static void train_step(Model& model, Optimizer& optimizer, const TensorBatch& batch, double tau, double lr) {
  {
    Tape tape(model.parameters(), ParameterGradients::replace);
    tape.backward(mean(softmax_cross_entropy(model.forward(batch.images, Mode::train), batch.labels, tau)));
  }
  optimizer.step(Tensor::full({1}, static_cast<float>(lr)));
}

static void shrink(const Tensor& t, double tau) {
  std::vector<float> values = t.to_host<float>();
  for (float& v : values) v = static_cast<float>(v / tau);
  t.copy_from_host(values);
}

// max |z − τ z'| / max |z| over the test images.
static double difference(Model& at_tau, Model& small_head, const Tensor& images, double tau) {
  const std::vector<float> z = at_tau.forward(images, Mode::eval).to_host<float>();
  const std::vector<float> small = small_head.forward(images, Mode::eval).to_host<float>();
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(z[i])));
    apart = std::max(apart, std::abs(z[i] - tau * small[i]));
  }
  return apart / largest;
}

int main(int argc, char** argv) {
  const Dataset data = load_dataset(argc > 1 ? argv[1] : "fashion-mnist", {.train_limit = 10000, .test_limit = 1000});
  const TensorBatch test = tensor_batch(data.test, 0, data.test.count, {});
  std::printf("%4s %5s %21s   accuracy %%: at tau   small head\n", "tau", "step", "logits apart by");
  for (const double tau : {64.0, 50.0}) {
    const auto at_tau = make_model(spec_for(data, "mlp"), {}, 0), small_head = make_model(spec_for(data, "mlp"), {}, 0);
    shrink(small_head->prototypes().value, tau);
    shrink(small_head->prototype_bias().value, tau);
    const auto slow_head = [&](const Parameter& p) {
      return p.spec.name.starts_with("fc.") ? float(1 / (tau * tau)) : 1;
    };
    Optimizer one(at_tau->parameters(), {.momentum = 0.9f});
    Optimizer other(small_head->parameters(), {.momentum = 0.9f}, slow_head);
    int step = 0;
    for_each_batch(data.train, 128, {}, [&](const TensorBatch& batch) {
      train_step(*at_tau, one, batch, tau, 0.02 * tau);
      train_step(*small_head, other, batch, 1, 0.02 * tau);
      if (++step != 1 && step != 10 && batch.first + 128 < data.train.count) return;
      const double apart = difference(*at_tau, *small_head, test.images, tau);
      const double a = 100 * accuracy_of(*at_tau, test.images, test.labels);
      const double b = 100 * accuracy_of(*small_head, test.images, test.labels);
      std::printf("%4g %5d %21.1e %20.1f %12.1f\n", tau, step, apart, a, b);
      if (tau == 64) claim(apart == 0, "division by a power of two does not round: nothing differs at all");
      if (step <= 10) claim(apart < 1e-5, "the two trainings are one, to float32's rounding");
      claim(std::abs(a - b) < 1, "rounding grows over the steps, but not into another accuracy");
    });
  }
  std::printf("\nIn exact arithmetic a temperature is a small and slow last layer, and a scale of the logits.\n");
}
