#include "kernels/losses/margin_loss.h"

#include <algorithm>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

template <class T>
std::int64_t best_other(const T* z, std::int64_t classes, std::int64_t label) {
  std::int64_t best = label == 0 ? 1 : 0;
  for (std::int64_t j = best + 1; j < classes; ++j)
    if (j != label && z[j] > z[best]) best = j;
  return best;
}

}  // namespace

template <class T>
void margin_loss_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for (std::int64_t row = 0; row < loss.size(); ++row) {
    const T* const z = logits.data + row * classes;
    loss[row] = z[best_other(z, classes, labels[row])] - z[labels[row]];
  }
}

template <class T>
void margin_loss_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                          View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for (std::int64_t row = 0; row < dloss.size(); ++row) {
    T* const dz = dlogits.data + row * classes;
    std::fill_n(dz, classes, T(0));
    dz[best_other(logits.data + row * classes, classes, labels[row])] = dloss[row];
    dz[labels[row]] = -dloss[row];
  }
}

#define KELVIN_INSTANTIATE(T)                                                               \
  template void margin_loss_forward(Cpu, View<T>, View<const T>, View<const std::int32_t>); \
  template void margin_loss_backward(Cpu, View<T>, View<const T>, View<const T>, View<const std::int32_t>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(double);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
