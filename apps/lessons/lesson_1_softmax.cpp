// Lesson 1. What does the temperature τ do to the gradient that training follows?
//
//   p = softmax(z/τ),   L = −log p_y,   ∂L/∂z_j = (p_j − 1[j = y]) / τ
//
// The tape differentiates the loss; by hand, in double, the same comes out. τ stands in the gradient twice. As 1/τ it
// makes it shorter. Inside of p it decides who is pushed: at a low τ the one strongest wrong class, at a high τ all of
// them alike.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/lessons/claim.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"

using namespace kelvin;

// ∂L/∂z by hand.
static std::vector<double> gradient_by_hand(const std::vector<float>& z, std::size_t y, double tau) {
  const double largest = *std::max_element(z.begin(), z.end());
  std::vector<double> g;
  double sum = 0;
  for (const float v : z) sum += g.emplace_back(std::exp((v - largest) / tau));
  for (std::size_t j = 0; j < z.size(); ++j) g[j] = (g[j] / sum - (j == y ? 1 : 0)) / tau;
  return g;
}

int main() {
  const std::vector<float> z = {2, 1, 0, -1};  // logits of four classes; the label is class 1
  const Tensor logits = Tensor::from_host<float>(z, {1, 4}), label = Tensor::full({1}, 1, DType::i32);
  std::printf("logits 2, 1, 0, -1; the label is the class of logit 1\n\n");
  std::printf("%5s %7s   %-36s %s\n", "tau", "loss", "dL/dz by tape", "by hand less by tape");
  for (const double tau : {0.1, 0.5, 1.0, 10.0, 100.0}) {
    Tape tape({logits});  // differentiate with respect to the logits, and to nothing else
    const Tensor loss = softmax_cross_entropy(logits, label, tau);
    tape.backward(loss);
    const std::vector<float> g = tape.gradient(logits).to_host<float>();
    std::printf("%5g %7.3f  ", tau, loss.item());
    for (const float v : g) std::printf(" %+8.4f", v);

    const std::vector<double> hand = gradient_by_hand(z, 1, tau);
    double difference = 0, total = 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
      difference = std::max(difference, std::abs(hand[j] - g[j]));
      total += g[j];
    }
    std::printf("   %.1e", difference);
    std::printf("\n");
    claim(difference * tau < 1e-6, "the tape's gradient is (p - y) / tau, to float32's rounding");
    claim(std::abs(total * tau) < 1e-6, "what the wrong classes gain the label loses: the gradient sums to 0");
    if (tau == 0.1) claim(g[0] > 100 * g[2], "at a low temperature one wrong class takes the whole push");
    if (tau == 100) claim(g[0] < 1.05f * g[3], "at a high temperature all wrong classes are pushed alike");
  }
  std::printf("\nA high temperature shortens the gradient (read the column of the label) and spreads the push.\n");
}
