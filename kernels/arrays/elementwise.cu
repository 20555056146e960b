// Memory-bound: every kernel reads each input once and writes each output once.
#include "kernels/arrays/elementwise.h"
#include "kernels/simt/map.h"

namespace kelvin {
namespace {

template <class T>
struct Fill {
  static constexpr int kPack = pack_of<T>;
  T* y;
  T value;
  template <int N>
  __device__ void run(std::int64_t i) const {
    struct alignas(N * sizeof(T)) Values {  // of any type, written at once
      T v[N];
    } values;
    for (int k = 0; k < N; ++k) values.v[k] = value;
    *reinterpret_cast<Values*>(y + i) = values;
  }
};

struct FillScaled {
  static constexpr int kPack = pack_of<float>;
  float* y;
  const float* scalar;  // [1]
  float factor;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> out;
    for (int k = 0; k < N; ++k) out[k] = factor * scalar[0];
    store<N>(y + i, out);
  }
};

struct Increment {
  float* x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    for (int k = 0; k < N; ++k) x[i + k] += 1.0f;
  }
};

struct Same {
  __device__ float operator()(float x) const { return x; }
};
struct Scale {
  float factor;
  __device__ float operator()(float x) const { return x * factor; }
};
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

}  // namespace

template <class T>
void fill(const Cuda& cuda, View<T> y, T value) {
  launch_elements(cuda, y.size(), can_use_packs(y), Fill<T>{y.data, value});
}

void fill_scaled(const Cuda& cuda, View<float> y, View<const float> scalar, float factor) {
  launch_elements(cuda, y.size(), can_use_packs(y), FillScaled{y.data, scalar.data, factor});
}

void increment(const Cuda& cuda, View<float> x) { launch_elements(cuda, 1, false, Increment{x.data}); }

template <class To, class From>
void convert(const Cuda& cuda, View<To> y, View<const From> x) {
  map_elements(cuda, y, x, Same{});
}

template <class To, class From>
void accumulate(const Cuda& cuda, View<To> y, View<const From> x) {
  map_elements(cuda, y, View<const To>(y), x, Sum{});
}

template <class T>
void scale(const Cuda& cuda, View<T> y, float factor) {
  map_elements(cuda, y, View<const T>(y), Scale{factor});
}

template <class T>
void add(const Cuda& cuda, View<T> y, View<const T> a, View<const T> b) {
  map_elements(cuda, y, a, b, Sum{});
}

template void fill(const Cuda&, View<float>, float);
template void fill(const Cuda&, View<bfloat16>, bfloat16);
template void fill(const Cuda&, View<std::int32_t>, std::int32_t);
template void convert(const Cuda&, View<float>, View<const float>);
template void convert(const Cuda&, View<float>, View<const bfloat16>);
template void convert(const Cuda&, View<bfloat16>, View<const float>);
template void convert(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void accumulate(const Cuda&, View<float>, View<const float>);
template void accumulate(const Cuda&, View<float>, View<const bfloat16>);
template void accumulate(const Cuda&, View<bfloat16>, View<const float>);
template void accumulate(const Cuda&, View<bfloat16>, View<const bfloat16>);
template void scale(const Cuda&, View<float>, float);
template void scale(const Cuda&, View<bfloat16>, float);
template void add(const Cuda&, View<float>, View<const float>, View<const float>);
template void add(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const bfloat16>);

}  // namespace kelvin
