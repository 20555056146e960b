#include "kernels/losses/margin_loss.h"

#include <algorithm>

#include "kernels/losses/loss_rows.h"

namespace kelvin {
template <class T>
void margin_loss_forward(Cpu, View<T> loss, View<const T> logits, View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(loss.size(), classes, [&](std::int64_t row) {
    const T* const z = logits.data + row * classes;
    loss[row] = z[best_index(z, classes, labels[row])] - z[labels[row]];
  });
}

template <class T>
void margin_loss_backward(Cpu, View<T> dlogits, View<const T> dloss, View<const T> logits,
                          View<const std::int32_t> labels) {
  const std::int64_t classes = logits.cols();
  for_each_loss_row(dloss.size(), classes, [&](std::int64_t row) {
    T* const dz = dlogits.data + row * classes;
    std::fill_n(dz, classes, T(0));
    dz[best_index(logits.data + row * classes, classes, labels[row])] = dloss[row];
    dz[labels[row]] = -dloss[row];
  });
}

#define KELVIN_INSTANTIATE(T)                                                               \
  template void margin_loss_forward(Cpu, View<T>, View<const T>, View<const std::int32_t>); \
  template void margin_loss_backward(Cpu, View<T>, View<const T>, View<const T>, View<const std::int32_t>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(double);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
