// Lesson 3. Which wrong classes does a step push away, and which way does it move the feature?
//
//   −∂L/∂f = (1 − p_y)/τ · Σ_{j≠y} α_j (w_y − w_j),   α = softmax over the wrong classes of z_j/τ
//
// The factor in front is the step size of lesson 2. The shares α_j are the direction: one-hot on the nearest wrong
// class as τ → 0, 1/(C − 1) each as τ → ∞. Where the feature is as far from all wrong prototypes, τ has nothing to
// choose: α is uniform at every τ.
#include <cmath>
#include <cstdio>

#include "apps/lessons/claim.h"
#include "engine/ops/linear.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"

using namespace kelvin;

// Four classes with prototypes w_j = 4 e_j; the label is class 0. Then ∂L/∂f = 4 (p − e_0)/τ, and shows the shares.
constexpr std::size_t kClasses = 4;
const std::vector<float> kPrototypes = {4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4};

static std::vector<float> gradient_at(const std::vector<float>& feature, double tau) {
  const Tensor f = Tensor::from_host<float>(feature, {1, kClasses});
  const Tensor w = Tensor::from_host<float>(kPrototypes, {kClasses, kClasses}), label = Tensor::zeros({1}, DType::i32);
  Tape tape({f});
  tape.backward(softmax_cross_entropy(linear(f, w, {}), label, tau));
  return tape.gradient(f).to_host<float>();
}

static double cosine(const std::vector<float>& g, const std::vector<double>& direction) {
  double dot = 0, gg = 0, dd = 0;
  for (std::size_t j = 0; j < g.size(); ++j)
    dot -= g[j] * direction[j], gg += static_cast<double>(g[j]) * g[j], dd += direction[j] * direction[j];
  return dot / std::sqrt(gg * dd);
}

static void print_rows(const char* title, const std::vector<float>& feature, bool equidistant) {
  std::printf("%s\n%6s %24s %10s %12s %14s\n", title, "tau", "shares of 1, 2, 3", "classes", "to w0 - w1",
              "to w0 - mean");
  for (const double tau : {0.05, 0.5, 1.0, 10.0, 100.0}) {
    const std::vector<float> g = gradient_at(feature, tau);
    const double wrong = static_cast<double>(g[1]) + g[2] + g[3];
    double entropy = 0;
    for (std::size_t j = 1; j < kClasses; ++j)
      if (g[j] > 0) entropy -= g[j] / wrong * std::log(g[j] / wrong);
    const double to_one = cosine(g, {1, -1, 0, 0}), to_mean = cosine(g, {1, -1.0 / 3, -1.0 / 3, -1.0 / 3});
    std::printf("%6g %8.3f %7.3f %7.3f %10.2f %12.3f %14.3f\n", tau, g[1] / wrong, g[2] / wrong, g[3] / wrong,
                std::exp(entropy), to_one, to_mean);
    if (equidistant) claim(to_mean > 0.99999, "an equidistant feature moves away from the mean wrong prototype");
    if (equidistant) continue;
    if (tau == 0.05) claim(g[1] / wrong > 0.999 && to_one > 0.999, "at a low temperature one class decides");
    if (tau == 100) claim(std::exp(entropy) > 2.99 && to_mean > 0.999, "at a high temperature all decide alike");
  }
}

int main() {
  print_rows("A feature near the wrong prototype w1", {0.6f, 0.5f, 0.2f, 0.0f}, false);
  print_rows("\nA feature as far from w1 as from w2 and w3", {0.3f, 0.2f, 0.2f, 0.2f}, true);
  std::printf("\nclasses: exp(entropy of the shares); to ...: the cosine of the step with that direction\n");
}
