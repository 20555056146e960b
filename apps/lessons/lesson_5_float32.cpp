// Lesson 5. Where does float32 cross-entropy stop having a gradient?
//
//   cross-entropy   L = −log p_y,                          ∂L/∂z_y = p_y − 1,   ∂L/∂z_j = p_j
//   log-odds        L = log Σ_{j≠y} e^z_j − z_y,           ∂L/∂z_y = −1,        ∂L/∂z_j = p_j / (1 − p_y)
//
// The second gradient is the first one divided by 1 − p_y: the same direction, in exact arithmetic. But p_y − 1 rounds
// to 0 where the label leads by 17 to 20 (here its 1 is added first and swallows the rest from 17 on), and p_j rounds
// to 0 from 104 on. sign(0) = 0: then PGD stands still. Models that were trained at τ have logits τ times as large.
#include <cmath>
#include <cstdio>

#include "apps/lessons/claim.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"

using namespace kelvin;

struct Point {
  float loss, label, other;  // L, ∂L/∂z_y, ∂L/∂z_j of one wrong class
};

// `loss` of ten classes: the label's logit is `gap`, the others are 0.
static Point at(float gap, Tensor (*loss)(const Tensor& logits, const Tensor& label)) {
  std::vector<float> z(10, 0.0f);
  z[0] = gap;
  const Tensor logits = Tensor::from_host<float>(z, {1, 10});
  Tape tape({logits});
  const Tensor value = loss(logits, Tensor::zeros({1}, DType::i32));
  tape.backward(value);
  const std::vector<float> g = tape.gradient(logits).to_host<float>();
  return {value.item(), g[0], g[1]};
}

static Tensor cross_entropy(const Tensor& logits, const Tensor& label) {
  return softmax_cross_entropy(logits, label, 1.0);
}
static Tensor log_odds(const Tensor& logits, const Tensor& label) { return log_odds_cross_entropy(logits, label, 1.0); }

int main() {
  std::printf("%5s %12s | %-35s | %s\n", "", "exact", "float32 cross-entropy", "float32 log-odds");
  std::printf("%5s %12s | %11s %11s %11s | %9s %8s %8s\n", "gap", "1 - p_y", "loss", "dL/dz_y", "dL/dz_j", "loss",
              "dL/dz_y", "dL/dz_j");
  for (const float gap : {0.0f, 5.0f, 15.0f, 17.0f, 20.0f, 50.0f, 87.0f, 104.0f, 200.0f}) {
    const Point ce = at(gap, cross_entropy), odds = at(gap, log_odds);
    const double exact = 9 / (9 + std::exp(double(gap)));
    std::printf("%5g %12.3g | %11.3g %11.3g %11.3g | %9.2f %8.3f %8.3f\n", gap, exact, std::abs(ce.loss), ce.label,
                ce.other, odds.loss, odds.label, odds.other);
    claim(odds.label == -1 && std::abs(odds.other * 9 - 1) < 1e-6f, "the log-odds gradient is whole at every gap");
    claim((ce.label != 0) == (gap < 17), "cross-entropy loses the label's part at 17");
    claim((ce.other != 0) == (gap < 104), "cross-entropy loses the other classes' part at 104");
  }
  std::printf("\nPast 87 dL/dz_j leaves the normal numbers, at 104 all of them. Divide the logits, or use log-odds.\n");
}
