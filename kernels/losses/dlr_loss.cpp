#include "kernels/losses/dlr_loss.h"

#include <algorithm>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

constexpr std::int64_t kRowGrain = 32;

// Positions of a row's largest and third largest logit and of the best wrong class, and what they make.
struct Ratio {
  std::int64_t first, third, other;
  float loss, denominator;

  Ratio(const float* z, std::int64_t classes, std::int64_t label) {
    const std::int64_t second = best(z, classes, first = best(z, classes, -1, -1), -1);
    third = best(z, classes, first, second);
    other = first == label ? second : first;
    denominator = z[first] - z[third] + kDlrEpsilon;
    loss = (z[other] - z[label]) / denominator;
  }
  static std::int64_t best(const float* z, std::int64_t classes, std::int64_t except, std::int64_t also_except) {
    std::int64_t found = -1;
    for (std::int64_t j = 0; j < classes; ++j)
      if (j != except && j != also_except && (found < 0 || z[j] > z[found])) found = j;
    return found;
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

void dlr_loss_forward(Cpu, View<float> loss, View<const float> logits, View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for_each_row(loss.size(),
               [&](std::int64_t row) { loss[row] = Ratio(logits.data + row * classes, classes, labels[row]).loss; });
}

void dlr_loss_backward(Cpu, View<float> dlogits, View<const float> dloss, View<const float> logits,
                       View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for_each_row(dloss.size(), [&](std::int64_t row) {
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
