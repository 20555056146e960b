// Winograd's minimal filtering (Lavin and Gray, arXiv 1509.09308) of 3x3 filters, for outputs in tiles of 2x2 and of 4x4:
//
//   y = A' [(G g G') * (B' d B)] A        d the inputs of a tile, g the filter, y its outputs, * elementwise
//   dg = G' [sum over tiles of (A dy A') * (B' d B)] G
//
// A transform is applied to the lines of a square, along columns and then along rows. The functions here transform one line, of numbers or
// of vectors of numbers; the CPU's and the GPU's kernels share them (constexpr, so that
// CUDA kernels may call them). All arithmetic is float32.
#pragma once

namespace kelvin::winograd {

inline constexpr int kTaps = 3;

// F(2x2, 3x3): interpolation at the points 0, ±1 and infinity (section 4.1).
struct F2x2 {
  static constexpr int kOutputs = 2, kInputs = 4, kPlaces = kInputs * kInputs;

  template <class To, class From>
  [[gnu::always_inline]] static constexpr To input(const From& d) {  // B' d
    return {{d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To output(const From& m) {  // A' m
    return {{m[0] + m[1] + m[2], m[1] - m[2] - m[3]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To cotangent(const From& dy) {  // A dy
    return {{dy[0], dy[0] + dy[1], dy[0] - dy[1], -dy[1]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To filter(const From& g) {  // G g
    const auto outer = g[0] + g[2];
    return {{g[0], 0.5f * (outer + g[1]), 0.5f * (outer - g[1]), g[2]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To filter_gradient(const From& u) {  // G' u
    const auto sum = u[1] + u[2];
    return {{u[0] + 0.5f * sum, 0.5f * (u[1] - u[2]), u[3] + 0.5f * sum}};
  }
};

// F(4x4, 3x3): interpolation at the points 0, ±a, ±b and infinity. With the usual a = 1, b = 2 the errors of float32 outputs are 3.7 to 4
// times those of the direct sum; with a = 5/8, b = 3/2 they are 1.6 to 1.8 times (tools/bench/winograd_points.py). Both are sums of few
// powers of two, so all constants below but three are exact. The search for such points: Barabasz et al., "Error Analysis and Improving the
// Accuracy of Winograd Convolution for Deep Neural Networks" (arXiv 1803.10986).
struct F4x4 {
  static constexpr int kOutputs = 4, kInputs = 6, kPlaces = kInputs * kInputs;

  static constexpr float kA = 0.625f, kB = 1.5f, kA2 = kA * kA, kB2 = kB * kB;
  static constexpr float kProduct = kA2 * kB2, kSum = kA2 + kB2;
  // 1 over the other points' distances from 0, from ±a and from ±b.
  static constexpr float kOf0 = 1 / kProduct, kOfA = 1 / (2 * kA2 * (kA2 - kB2)), kOfB = 1 / (2 * kB2 * (kB2 - kA2));

  template <class To, class From>
  [[gnu::always_inline]] static constexpr To input(const From& d) {
    const auto even_a = d[4] - kB2 * d[2], odd_a = kA * (d[3] - kB2 * d[1]);
    const auto even_b = d[4] - kA2 * d[2], odd_b = kB * (d[3] - kA2 * d[1]);
    return {{kProduct * d[0] - kSum * d[2] + d[4], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b,
             kProduct * d[1] - kSum * d[3] + d[5]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To output(const From& m) {
    const auto even_a = m[1] + m[2], odd_a = kA * (m[1] - m[2]), even_b = m[3] + m[4], odd_b = kB * (m[3] - m[4]);
    return {{m[0] + even_a + even_b, odd_a + odd_b, kA2 * even_a + kB2 * even_b, kA2 * odd_a + kB2 * odd_b + m[5]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To cotangent(const From& dy) {
    const auto even_a = dy[0] + kA2 * dy[2], odd_a = kA * (dy[1] + kA2 * dy[3]);
    const auto even_b = dy[0] + kB2 * dy[2], odd_b = kB * (dy[1] + kB2 * dy[3]);
    return {{dy[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, dy[3]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To filter(const From& g) {
    const auto even_a = kOfA * (g[0] + kA2 * g[2]), odd_a = kOfA * kA * g[1];
    const auto even_b = kOfB * (g[0] + kB2 * g[2]), odd_b = kOfB * kB * g[1];
    return {{kOf0 * g[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, g[2]}};
  }
  template <class To, class From>
  [[gnu::always_inline]] static constexpr To filter_gradient(const From& u) {
    const auto even_a = kOfA * (u[1] + u[2]), odd_a = kOfA * kA * (u[1] - u[2]);
    const auto even_b = kOfB * (u[3] + u[4]), odd_b = kOfB * kB * (u[3] - u[4]);
    return {{kOf0 * u[0] + even_a + even_b, odd_a + odd_b, kA2 * even_a + kB2 * even_b + u[5]}};
  }
};

}  // namespace kelvin::winograd
