// Elementwise kernels that are one formula: y[i] = f(x[i]), or y[i] = f(a[i], b[i]). Included by .cu files only.
//
//   struct Exponential {
//     __device__ float operator()(float x) const { return expf(x); }
//   };
//   map_elements(cuda, y, x, Exponential{});
//
// f sees floats, whatever the element types are. y may be an input. An f with `static constexpr bool kFromTheEnd = true` begins with the last
// elements (simt/launch.h says why).
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/device/view.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {

template <class Y, class X, class F>
struct MapOne {
  static constexpr int kPack = std::max(pack_of<Y>, pack_of<X>);
  static constexpr bool kFromTheEnd = begins_at_the_end<F>();
  Y* y;
  const X* x;
  F f;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(x + i);
    for (int k = 0; k < N; ++k) v[k] = f(v[k]);
    store<N>(y + i, v);
  }
};

template <class Y, class A, class B, class F>
struct MapTwo {
  static constexpr int kPack = std::max({pack_of<Y>, pack_of<A>, pack_of<B>});
  static constexpr bool kFromTheEnd = begins_at_the_end<F>();
  Y* y;
  const A* a;
  const B* b;
  F f;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> v = load<N>(a + i);
    const Pack<N> other = load<N>(b + i);
    for (int k = 0; k < N; ++k) v[k] = f(v[k], other[k]);
    store<N>(y + i, v);
  }
};

template <class Y, class X, class F>
void map_elements(const Cuda& cuda, View<Y> y, View<const X> x, const F& f) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), MapOne<Y, X, F>{y.data, x.data, f});
}

template <class Y, class A, class B, class F>
void map_elements(const Cuda& cuda, View<Y> y, View<const A> a, View<const B> b, const F& f) {
  launch_elements(cuda, y.size(), can_use_packs(y, a, b), MapTwo<Y, A, B, F>{y.data, a.data, b.data, f});
}

}  // namespace kelvin
