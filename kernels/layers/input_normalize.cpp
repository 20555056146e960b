#include "kernels/layers/input_normalize.h"

#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void input_normalize_forward(Cpu, View<T> y, View<const float> x, View<const float> mean, View<const float> std) {
  const std::int64_t channels = mean.size();
  parallel_for(
      x.rows(),
      [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
          for (std::int64_t c = 0; c < channels; ++c)
            y[row * channels + c] = T((x[row * channels + c] - mean[c]) / std[c]);
      },
      /*cost=*/8 * channels);
}

template <class T>
void input_normalize_backward(Cpu, View<float> dx, View<const T> dy, View<const float> std) {
  const std::int64_t channels = std.size();
  parallel_for(
      dx.rows(),
      [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
          for (std::int64_t c = 0; c < channels; ++c)
            dx[row * channels + c] = static_cast<float>(dy[row * channels + c]) / std[c];
      },
      /*cost=*/8 * channels);
}

template void input_normalize_forward(Cpu, View<float>, View<const float>, View<const float>, View<const float>);
template void input_normalize_forward(Cpu, View<bfloat16>, View<const float>, View<const float>, View<const float>);
template void input_normalize_backward(Cpu, View<float>, View<const float>, View<const float>);
template void input_normalize_backward(Cpu, View<float>, View<const bfloat16>, View<const float>);

}  // namespace kelvin
