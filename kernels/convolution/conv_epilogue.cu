// Bytes: y is read and written, the residual read; the bias stays in the cache.
#include "kernels/convolution/conv_epilogue.h"
#include "kernels/device/remainder.h"
#include "kernels/device/with_flag.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

template <class T, bool kHasResidual, bool kHasBias, bool kRelu>
struct Epilogue {
  static constexpr int kPack = pack_of<T>;
  static constexpr bool kFromTheEnd = true;  // the convolution has just written y
  T* y;
  const T *residual, *bias;
  std::int32_t channels;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(y + i), r = {}, b = {};  // all on their way before the first is used
    if constexpr (kHasResidual) r = load<N>(residual + i);
    if constexpr (kHasBias) b = load<N>(bias + remainder(i, channels));
    for (int k = 0; k < N; ++k) {
      if constexpr (kHasResidual) v[k] += r[k];
      if constexpr (kHasBias) v[k] += b[k];
      if constexpr (kRelu) v[k] = v[k] <= 0.0f ? 0.0f : v[k];
    }
    store<N>(y + i, v);
  }
};

}  // namespace

template <class T>
void add_conv_epilogue(const Cuda& cuda, View<T> y, View<const T> residual, View<const T> bias, bool relu) {
  const bool in_packs = y.cols() % kElementsPerThread == 0 && can_use_packs(y, residual, bias);
  with_flag(!residual.empty(), [&](auto has_residual) {
    with_flag(!bias.empty(), [&](auto has_bias) {
      with_flag(relu, [&](auto has_relu) {
        launch_elements(cuda, y.size(), in_packs,
                        Epilogue<T, has_residual(), has_bias(), has_relu()>{y.data, residual.data, bias.data,
                                                                            static_cast<std::int32_t>(y.cols())});
      });
    });
  });
}

template void add_conv_epilogue(const Cuda&, View<float>, View<const float>, View<const float>, bool);
template void add_conv_epilogue(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>, bool);

}  // namespace kelvin
