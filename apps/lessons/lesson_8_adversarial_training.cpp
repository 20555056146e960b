// Lesson 8. What does a robustness look like that is real?
//
// Trained as usual, at τ = 50, and on the images of a 7-step PGD (Madry et al. 2018): an audit asks each model what a
// broken attack gets wrong. Do losses agree, do more steps find more, does search beat chance, does a large ε win?
#include <cmath>
#include <cstdio>
#include <functional>

#include "apps/lessons/claim.h"
#include "data/tensor_batch.h"
#include "engine/ops/attack_steps.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "models/accuracy.h"

using namespace kelvin;

using Loss = std::function<Tensor(const Tensor& logits, const Tensor& labels)>;
const Loss kCrossEntropy = [](const Tensor& z, const Tensor& y) { return softmax_cross_entropy(z, y, 1.0); };
const Loss kLogOdds = [](const Tensor& z, const Tensor& y) { return log_odds_cross_entropy(z, y, 1.0); };
constexpr float kEps = 16.0f / 255;

// PGD from the images themselves; a quarter of ε a step
static Tensor pgd(Model& model, const TensorBatch& batch, const Loss& loss, float eps, int steps) {
  const Tensor x = batch.images.clone();
  for (int i = 0; i < steps; ++i) {
    Tensor g;
    {
      Tape tape({x});
      tape.backward(sum(loss(model.forward(x, Mode::eval), batch.labels)));
      g = tape.gradient(x);
    }
    pgd_step(x, batch.images, g, Norm::linf, {.eps = eps, .step = eps / 4});
  }
  return x;
}

static std::unique_ptr<Model> train(const Dataset& data, double tau, bool adversarial) {
  auto model = make_model(spec_for(data, "mlp"), {}, /*seed=*/0);
  Optimizer optimizer(model->parameters(), {.momentum = 0.9f});
  const auto step = [&](const TensorBatch& batch) {
    const Tensor x = adversarial ? pgd(*model, batch, kCrossEntropy, kEps, 7) : batch.images;
    {
      Tape tape(model->parameters(), ParameterGradients::replace);
      tape.backward(mean(softmax_cross_entropy(model->forward(x, Mode::train), batch.labels, tau)));
    }
    optimizer.step(Tensor::full({1}, static_cast<float>(0.02 * tau)));
  };
  for (int epoch = 0; epoch < (adversarial ? 1 : 5); ++epoch) for_each_batch(data.train, 128, {}, step);
  return model;
}

struct Audit {
  double clean, chance, ce, odds, longer, large;
};

static Audit audit(const char* name, Model& model, const TensorBatch& test) {
  const auto accuracy = [&](const Tensor& x) { return 100 * accuracy_of(model, x, test.labels); };
  const auto under = [&](const Loss& l, float eps, int steps) { return accuracy(pgd(model, test, l, eps, steps)); };
  const Tensor chance = random_start(test.images, test.indices, Norm::linf, {0, random_stream("chance")}, kEps);
  const Audit a{accuracy(test.images),     accuracy(chance),           under(kCrossEntropy, kEps, 20),
                under(kLogOdds, kEps, 20), under(kLogOdds, kEps, 100), under(kLogOdds, 0.5f, 20)};
  std::printf("%-12s %5.1f %14.1f %10.1f", name, a.clean, a.chance, a.ce);
  std::printf(" %16.1f %8.1f %8.1f\n", a.odds, a.longer, a.large);
  return a;
}

int main(int argc, char** argv) {
  const Dataset data = load_dataset(argc > 1 ? argv[1] : "fashion-mnist", {.train_limit = 20000, .test_limit = 500});
  const TensorBatch test = tensor_batch(data.test, 0, data.test.count, {});
  std::printf("accuracy %%   clean  random points  PGD-20 CE  PGD-20 log-odds  PGD-100  eps 0.5\n");
  const Audit usual = audit("as usual", *train(data, 1, false), test);
  const Audit hot = audit("tau 50", *train(data, 50, false), test);
  const Audit robust = audit("adversarial", *train(data, 1, true), test);
  claim(hot.ce > robust.ce && hot.odds < robust.odds - 15, "tau = 50 wins on cross-entropy and loses on log-odds");
  claim(std::abs(robust.ce - robust.odds) < 1 && robust.longer > robust.odds - 1, "a real robustness passes the audit");
  claim(robust.chance > robust.odds + 5 && robust.large < 1, "search beats chance, and a large eps breaks everything");
  claim(robust.odds > usual.odds + 15, "adversarial training withstands more than training as usual");
}
