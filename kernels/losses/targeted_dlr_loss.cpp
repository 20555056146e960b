#include "kernels/losses/targeted_dlr_loss.h"

#include <algorithm>
#include <array>

#include "kernels/device/parallel.h"
#include "kernels/losses/dlr_loss.h"

namespace kelvin {
namespace {

constexpr std::int64_t kRowGrain = 32;

// Positions of a row's four largest logits, and what they make.
struct Ratio {
  std::array<std::int64_t, 4> order{-1, -1, -1, -1};
  float loss, denominator;

  Ratio(const float* z, std::int64_t classes, std::int64_t label, std::int64_t target) {
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      std::int64_t found = -1;
      for (std::int64_t j = 0; j < classes; ++j)
        if (std::find(order.begin(), order.end(), j) == order.end() && (found < 0 || z[j] > z[found])) found = j;
      order[rank] = found;
    }
    denominator = z[order[0]] - 0.5f * (z[order[2]] + z[order[3]]) + kDlrEpsilon;
    loss = (z[target] - z[label]) / denominator;
  }
};

template <class F>
void for_each_row(std::int64_t rows, const F& f) {
  parallel_for(
      rows,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) f(row);
      },
      kRowGrain);
}

}  // namespace

void targeted_dlr_loss_forward(Cpu, View<float> loss, View<const float> logits, View<const std::int32_t> labels,
                               View<const std::int32_t> targets) {
  const std::int64_t classes = logits.cols();
  for_each_row(loss.size(), [&](std::int64_t row) {
    loss[row] = Ratio(logits.data + row * classes, classes, labels[row], targets[row]).loss;
  });
}

void targeted_dlr_loss_backward(Cpu, View<float> dlogits, View<const float> dloss, View<const float> logits,
                                View<const std::int32_t> labels, View<const std::int32_t> targets) {
  const std::int64_t classes = logits.cols();
  for_each_row(dloss.size(), [&](std::int64_t row) {
    const Ratio r(logits.data + row * classes, classes, labels[row], targets[row]);
    float* const dz = dlogits.data + row * classes;
    std::fill_n(dz, classes, 0.0f);
    const float slope = dloss[row] / r.denominator;
    dz[targets[row]] += slope;
    dz[labels[row]] -= slope;
    dz[r.order[0]] -= slope * r.loss;
    dz[r.order[2]] += 0.5f * slope * r.loss;
    dz[r.order[3]] += 0.5f * slope * r.loss;
  });
}

}  // namespace kelvin
