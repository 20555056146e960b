// One row at a time: maximum, sum of exponentials, result. A row is read three times, from the cache after the first.
#include "kernels/losses/softmax_cross_entropy.h"

#include <cmath>

#include "kernels/losses/row_log_softmax.h"

namespace kelvin {
namespace {

// q_j: the share of class j in a smoothed label.
template <class T>
struct SmoothedLabel {
  std::int32_t label;
  T own, other;  // q of the label and of every other class

  SmoothedLabel(std::int32_t y, float smoothing, std::int64_t classes)
      : label(y), other(static_cast<T>(smoothing) / static_cast<T>(classes)) {
    own = T(1) - static_cast<T>(smoothing) + other;
  }
  [[nodiscard]] T operator()(std::int64_t j) const { return j == label ? own : other; }
};

}  // namespace

template <class T>
void softmax_cross_entropy_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels,
                                   View<const T> tau, float smoothing) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(loss.size(), classes, [&](std::int64_t row) {
    const RowLogSoftmax<T> log_p(logits.data + row * classes, classes, tau[0]);
    if (smoothing == 0.0f) {
      loss[row] = -log_p(labels[row]);
      return;
    }
    const SmoothedLabel<T> q(labels[row], smoothing, classes);
    double sum = 0;  // in T thousands of small terms would be rounded off the large sum
    for (std::int64_t j = 0; j < classes; ++j) sum -= static_cast<double>(q(j)) * log_p(j);
    loss[row] = static_cast<T>(sum);
  });
}

template <class T>
void softmax_cross_entropy_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                                    View<const std::int32_t> labels, View<const T> tau, float smoothing) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(dloss.size(), classes, [&](std::int64_t row) {
    const RowLogSoftmax<T> log_p(logits.data + row * classes, classes, tau[0]);
    const SmoothedLabel<T> q(labels[row], smoothing, classes);
    const T factor = dloss[row] / tau[0];
    T* const dz = dlogits.data + row * classes;
    for (std::int64_t j = 0; j < classes; ++j) dz[j] = factor * (std::exp(log_p(j)) - q(j));
  });
}

#define KELVIN_INSTANTIATE(T)                                                                                        \
  template void softmax_cross_entropy_forward(Cpu, View<T>, View<const T>, View<const std::int32_t>, View<const T>,  \
                                              float);                                                                \
  template void softmax_cross_entropy_backward(Cpu, View<T>, View<const T>, View<const T>, View<const std::int32_t>, \
                                               View<const T>, float)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(double);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
