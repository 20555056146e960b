#include "kernels/losses/log_odds_cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/losses/loss_rows.h"

namespace kelvin {
namespace {

// log Σ_{j≠y} exp(z_j / τ), the label's class left out of maximum and sum.
template <class T>
T log_sum_of_others(const T* z, std::int64_t classes, std::int64_t label, T tau) {
  T maximum = -std::numeric_limits<T>::infinity();
  for (std::int64_t j = 0; j < classes; ++j)
    if (j != label) maximum = std::max(maximum, z[j] / tau);
  T sum = 0;
  for (std::int64_t j = 0; j < classes; ++j)
    if (j != label) sum += std::exp(z[j] / tau - maximum);
  return maximum + std::log(sum);
}

}  // namespace

template <class T>
void log_odds_cross_entropy_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels,
                                    View<const T> tau) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(loss.size(), classes, [&](std::int64_t row) {
    const T* const z = logits.data + row * classes;
    loss[row] = log_sum_of_others(z, classes, labels[row], tau[0]) - z[labels[row]] / tau[0];
  });
}

template <class T>
void log_odds_cross_entropy_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                                     View<const std::int32_t> labels, View<const T> tau) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(dloss.size(), classes, [&](std::int64_t row) {
    const T* const z = logits.data + row * classes;
    const T log_sum = log_sum_of_others(z, classes, labels[row], tau[0]);
    const T factor = dloss[row] / tau[0];
    for (std::int64_t j = 0; j < classes; ++j)
      dlogits[row * classes + j] = j == labels[row] ? -factor : factor * std::exp(z[j] / tau[0] - log_sum);
  });
}

#define KELVIN_INSTANTIATE(T)                                                                                         \
  template void log_odds_cross_entropy_forward(Cpu, View<T>, View<const T>, View<const std::int32_t>, View<const T>); \
  template void log_odds_cross_entropy_backward(Cpu, View<T>, View<const T>, View<const T>, View<const std::int32_t>, \
                                                View<const T>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(double);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
