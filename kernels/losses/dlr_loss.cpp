#include "kernels/losses/dlr_loss.h"

#include <algorithm>

#include "kernels/losses/loss_rows.h"

namespace kelvin {
namespace {

// Positions of a row's three largest logits and of its best wrong class, and what they make.
struct Ratio {
  std::int64_t first, second, third, other;
  float denominator, loss;

  Ratio(const float* z, std::int64_t classes, std::int64_t label)
      : first(best_index(z, classes)),
        second(best_index(z, classes, first)),
        third(best_index(z, classes, first, second)),
        other(first == label ? second : first),
        denominator(z[first] - z[third] + kDlrEpsilon),
        loss((z[other] - z[label]) / denominator) {}
};

}  // namespace

void dlr_loss_forward(Cpu, View<float> loss, View<const float> logits, View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(loss.size(), classes, [&](std::int64_t row) {
    loss[row] = Ratio(logits.data + row * classes, classes, labels[row]).loss;
  });
}

void dlr_loss_backward(Cpu, View<float> dlogits, View<const float> dloss, View<const float> logits,
                       View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(dloss.size(), classes, [&](std::int64_t row) {
    const Ratio r(logits.data + row * classes, classes, labels[row]);
    float* const dz = dlogits.data + row * classes;
    std::fill_n(dz, classes, 0.0f);
    const float slope = dloss[row] / r.denominator;
    dz[r.other] += slope;
    dz[labels[row]] -= slope;
    dz[r.first] -= slope * r.loss;
    dz[r.third] += slope * r.loss;
  });
}

}  // namespace kelvin
