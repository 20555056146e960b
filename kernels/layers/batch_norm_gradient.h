// The backward pass of BatchNorm, element by element: what batch_norm.cu and sync_batch_norm.cu share. Included by .cu files only.
#pragma once

#include "kernels/simt/channels.h"
#include "kernels/simt/mask_bits.h"

namespace kelvin {

// The inputs of both passes of the backward pass; `mask` only after a ReLU.
template <int N>
struct GradientElements {
  Pack<N> dy, x;
  unsigned mask;
};

template <int N, bool kRelu, class T>
__device__ GradientElements<N> read_gradient(const T* dy, const std::uint8_t* mask, const T* x, std::int64_t i) {
  GradientElements<N> e;
  e.dy = load<N>(dy + i);
  e.x = load<N>(x + i);
  if constexpr (kRelu) e.mask = load_bits<N>(mask, i);
  return e;
}

// g = dy where the ReLU let pass
template <int N, bool kRelu>
__device__ Pack<N> masked(const GradientElements<N>& e) {
  if constexpr (kRelu) return where_bits(e.mask, e.dy);
  return e.dy;
}

// dx = a g + b x + c per channel
struct InputFactors {
  float *a, *b, *c;  // [C] each
};

template <class T, bool kRelu>
struct InputGradient {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const T *dy, *x;
  const std::uint8_t* mask;
  InputFactors channel_factors;
  template <int N>
  struct Factors {
    Pack<N> a, b, c;
  };
  template <int N>
  __device__ Factors<N> factors(std::int64_t c) const {
    return {load<N>(channel_factors.a + c), load<N>(channel_factors.b + c), load<N>(channel_factors.c + c)};
  }
  template <int N>
  __device__ GradientElements<N> read(std::int64_t i) const {
    return read_gradient<N, kRelu>(dy, mask, x, i);
  }
  template <int N>
  __device__ void write(std::int64_t i, const GradientElements<N>& e, const Factors<N>& f) const {
    Pack<N> g = masked<N, kRelu>(e);
    for (int k = 0; k < N; ++k) g[k] = f.a[k] * g[k] + f.b[k] * e.x[k] + f.c[k];
    store<N>(dx + i, g);
  }
};

}  // namespace kelvin
