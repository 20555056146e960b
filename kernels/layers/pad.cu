// Memory-bound: one thread an element of the result; reads and writes each once.
#include "kernels/layers/pad.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

// to[n, h, w, c] = from[n, h, w, c] where `from` has that pixel, else 0
template <class T>
struct Copy {
  T* to;
  const T* from;
  std::int64_t rows, cols, channels;  // of `to`
  std::int64_t from_rows, from_cols;
  template <int N>
  __device__ void run(std::int64_t first) const {
    for (std::int64_t i = first; i < first + N; ++i) {
      const std::int64_t pixel = i / channels, line = pixel / cols, image = line / rows;
      const std::int64_t h = line % rows, w = pixel % cols;
      to[i] = h < from_rows && w < from_cols ? from[((image * from_rows + h) * from_cols + w) * channels + i % channels]
                                             : T{};
    }
  }
};

template <class T>
void copy_pixels(const Cuda& cuda, View<T> to, View<const T> from) {
  launch_elements(cuda, to.size(), false,
                  Copy<T>{to.data, from.data, to.dim(1), to.dim(2), to.dim(3), from.dim(1), from.dim(2)});
}

}  // namespace

template <class T>
void pad_end_forward(const Cuda& cuda, View<T> y, View<const T> x) {
  copy_pixels(cuda, y, x);
}

template <class T>
void pad_end_backward(const Cuda& cuda, View<T> dx, View<const T> dy) {
  copy_pixels(cuda, dx, dy);
}

template void pad_end_forward(const Cuda&, View<float>, View<const float>);
template void pad_end_forward(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void pad_end_backward(const Cuda&, View<float>, View<const float>);
template void pad_end_backward(const Cuda&, View<bfloat16>, View<const bfloat16>);

}  // namespace kelvin
