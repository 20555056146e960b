// Memory-bound: every kernel reads each input once and writes each output once.
#include <algorithm>

#include "kernels/arrays/elementwise.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

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

template <class To, class From>
struct Convert {
  To* y;
  const From* x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    store<N>(y + i, load<N>(x + i));
  }
};

// y = a + b
template <class To, class A, class B>
struct AddElements {
  static constexpr int kPack = std::max({pack_of<To>, pack_of<A>, pack_of<B>});
  To* y;
  const A* a;
  const B* b;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> sum = load<N>(a + i);
    const Pack<N> other = load<N>(b + i);
    for (int k = 0; k < N; ++k) sum[k] += other[k];
    store<N>(y + i, sum);
  }
};

template <class T>
struct Scale {
  static constexpr int kPack = pack_of<T>;
  T* y;
  float factor;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(y + i);
    for (int k = 0; k < N; ++k) v[k] *= factor;
    store<N>(y + i, v);
  }
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
  launch_elements(cuda, y.size(), can_use_packs(y, x), Convert<To, From>{y.data, x.data});
}

template <class To, class From>
void accumulate(const Cuda& cuda, View<To> y, View<const From> x) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), AddElements<To, To, From>{y.data, y.data, x.data});
}

template <class T>
void scale(const Cuda& cuda, View<T> y, float factor) {
  launch_elements(cuda, y.size(), can_use_packs(y), Scale<T>{y.data, factor});
}

template <class T>
void add(const Cuda& cuda, View<T> y, View<const T> a, View<const T> b) {
  launch_elements(cuda, y.size(), can_use_packs(y, a, b), AddElements<T, T, T>{y.data, a.data, b.data});
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
