#include "kernels/losses/targeted_dlr_loss.h"

#include <algorithm>

#include "kernels/losses/dlr_loss.h"
#include "kernels/losses/loss_rows.h"

namespace kelvin {
namespace {

// Positions of a row's four largest logits, and what they make.
struct TargetedRatio {
  std::int64_t first, second, third, fourth;
  float denominator, loss;

  TargetedRatio(const float* z, std::int64_t classes, std::int64_t label, std::int64_t target)
      : first(best_index(z, classes)),
        second(best_index(z, classes, first)),
        third(best_index(z, classes, first, second)),
        fourth(best_index(z, classes, first, second, third)),
        denominator(z[first] - 0.5f * (z[third] + z[fourth]) + kDlrEpsilon),
        loss((z[target] - z[label]) / denominator) {}
};

}  // namespace

void targeted_dlr_loss_forward(Cpu, View<float> loss, View<const float> logits, View<const std::int32_t> labels,
                               View<const std::int32_t> targets) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(loss.size(), classes, [&](std::int64_t row) {
    loss[row] = TargetedRatio(logits.data + row * classes, classes, labels[row], targets[row]).loss;
  });
}

void targeted_dlr_loss_backward(Cpu, View<float> dlogits, View<const float> dloss, View<const float> logits,
                                View<const std::int32_t> labels, View<const std::int32_t> targets) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(dloss.size(), classes, [&](std::int64_t row) {
    const TargetedRatio r(logits.data + row * classes, classes, labels[row], targets[row]);
    float* const dz = dlogits.data + row * classes;
    std::fill_n(dz, classes, 0.0f);
    const float slope = dloss[row] / r.denominator;
    dz[targets[row]] += slope;
    dz[labels[row]] -= slope;
    dz[r.first] -= slope * r.loss;
    dz[r.third] += 0.5f * slope * r.loss;
    dz[r.fourth] += 0.5f * slope * r.loss;
  });
}

}  // namespace kelvin
