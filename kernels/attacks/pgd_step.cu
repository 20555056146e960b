// L∞ is elementwise: reads x, x0 and g and writes x, 16 bytes a pixel and nothing else. L2 and the statistics need a sum over each
// image: one block an image, sums in double as on the CPU, the image read again from the cache. Four pixels an access wherever images
// begin at multiples of 16 bytes.
#include <cmath>
#include <type_traits>

#include "kernels/attacks/pgd_bounds.h"
#include "kernels/attacks/pgd_step.h"
#include "kernels/simt/groups.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

using ImageGroup = BlockGroup<256>;

// f(i) for each N pixels from i on in this thread's share of the block's image; N divides `pixels`.
template <int N, class F>
__device__ void for_pixels(const ImageGroup& group, std::int64_t pixels, const F& f) {
  const std::int64_t begin = group.row() * pixels;
  for (std::int64_t p = N * static_cast<std::int64_t>(group.rank()); p < pixels; p += N * ImageGroup::kThreads)
    f(begin + p);
}

// f(std::integral_constant<int, N>): N pixels an access.
template <class F>
void with_pixel_packs(std::int64_t pixels, bool are_aligned, const F& f) {
  constexpr int kPack = pack_of<float>;
  if (are_aligned && pixels % kPack == 0)
    f(std::integral_constant<int, kPack>{});
  else
    f(std::integral_constant<int, 1>{});
}

struct StepLinf {
  static constexpr int kPack = pack_of<float>;
  float* x;
  const float *x0, *g;
  PgdOptions o;
  template <int N>
  __device__ void run(std::int64_t i) const {
    Pack<N> moved = load<N>(x + i);
    const Pack<N> centre = load<N>(x0 + i), gradient = load<N>(g + i);
    for (int k = 0; k < N; ++k) {
      const float sign = static_cast<float>(gradient[k] > 0.0f) - static_cast<float>(gradient[k] < 0.0f);
      moved[k] = project_linf(moved[k] + o.step * sign, centre[k], o.eps);
    }
    store<N>(x + i, moved);
  }
};

// Shrinks x − x0, whose squares sum to `squares` over the group, to norm eps where it is longer, then clips to the box. Each thread
// reads only pixels it wrote itself.
template <int N>
__device__ void project_l2(const ImageGroup& group, float* x, const float* x0, std::int64_t pixels, double squares,
                           float eps) {
  const double norm = sqrt(group.sum(squares));
  const auto factor = static_cast<float>(norm > eps ? eps / norm : 1.0);
  for_pixels<N>(group, pixels, [&](std::int64_t i) {
    Pack<N> moved = load<N>(x + i);
    const Pack<N> centre = load<N>(x0 + i);
    for (int k = 0; k < N; ++k) moved[k] = clamp_to_box(centre[k] + factor * (moved[k] - centre[k]));
    store<N>(x + i, moved);
  });
}

template <int N>
__device__ double norm_of(const ImageGroup& group, const float* v, std::int64_t pixels) {
  double sum = 0;
  for_pixels<N>(group, pixels, [&](std::int64_t i) {
    const Pack<N> values = load<N>(v + i);
    for (int k = 0; k < N; ++k) sum += static_cast<double>(values[k]) * values[k];
  });
  return sqrt(group.sum(sum));
}

// x ← to(x[i], i-th of `by`); returns the squares of x − x0 of this thread's pixels
template <int N, class F>
__device__ double move(const ImageGroup& group, float* x, const float* x0, const float* by, std::int64_t pixels,
                       const F& to) {
  double squares = 0;
  for_pixels<N>(group, pixels, [&](std::int64_t i) {
    Pack<N> moved = load<N>(x + i);
    const Pack<N> centre = load<N>(x0 + i), along = load<N>(by + i);
    for (int k = 0; k < N; ++k) {
      moved[k] = to(moved[k], along[k]);
      const double d = static_cast<double>(moved[k]) - centre[k];
      squares += d * d;
    }
    store<N>(x + i, moved);
  });
  return squares;
}

template <int N>
__global__ void __launch_bounds__(256)
    step_l2_kernel(float* x, const float* x0, const float* g, std::int64_t pixels, PgdOptions o) {
  const ImageGroup group;
  const double norm = norm_of<N>(group, g, pixels), factor = o.step / norm;
  const bool has_direction = norm > 0;  // no: all zero, or NaN among them, and the image stays
  const double squares = move<N>(group, x, x0, g, pixels, [&](float from, float along) {
    return has_direction ? from + static_cast<float>(factor * along) : from;
  });
  project_l2<N>(group, x, x0, pixels, squares, o.eps);
}

template <int N>
__global__ void __launch_bounds__(256) momentum_kernel(float* m, const float* g, std::int64_t pixels, float decay) {
  const ImageGroup group;
  double total = 0;
  for_pixels<N>(group, pixels, [&](std::int64_t i) {
    const Pack<N> gradient = load<N>(g + i);
    for (int k = 0; k < N; ++k) total += fabsf(gradient[k]);
  });
  const double mean = group.sum(total) / static_cast<double>(pixels);
  move<N>(group, m, g, g, pixels, [&](float from, float along) { return momentum_of(from, along, mean, decay); });
}

// Four numbers a draw, also where the last draw of an image has some left over.
template <int N>
__global__ void __launch_bounds__(256) start_linf_kernel(float* x, const float* x0, const std::int32_t* indices,
                                                         RandomKey key, std::int64_t pixels, float eps) {
  const std::int64_t begin = blockIdx.x * pixels;
  const std::uint64_t counter = first_start_counter(indices[blockIdx.x]);
  for (std::int64_t p = 4 * static_cast<std::int64_t>(threadIdx.x); p < pixels; p += 4 * blockDim.x) {
    const auto bits = philox(key, counter + static_cast<std::uint64_t>(p / 4));
    for (std::int64_t k = 0; k < 4 && p + k < pixels; k += N) {
      const Pack<N> centre = load<N>(x0 + begin + p + k);
      Pack<N> moved;
      for (int j = 0; j < N; ++j) {
        const float noise = eps * (2.0f * uniform01(bits[static_cast<std::size_t>(k + j)]) - 1.0f);
        moved[j] = project_linf(centre[j] + noise, centre[j], eps);
      }
      store<N>(x + begin + p + k, moved);
    }
  }
}

template <int N>
__global__ void __launch_bounds__(256) start_l2_kernel(float* x, const float* x0, const std::int32_t* indices,
                                                       RandomKey key, std::int64_t pixels, float eps) {
  const ImageGroup group;
  const std::int64_t begin = group.row() * pixels;
  const std::uint64_t counter = first_start_counter(indices[group.row()]);
  for (std::int64_t p = 4 * static_cast<std::int64_t>(group.rank()); p < pixels; p += 4 * ImageGroup::kThreads) {
    const auto bits = philox(key, counter + 1 + static_cast<std::uint64_t>(p / 4));
    const auto a = normal_pair(bits[0], bits[1]), b = normal_pair(bits[2], bits[3]);
    const float four[4] = {a[0], a[1], b[0], b[1]};
    for (std::int64_t k = 0; k < 4 && p + k < pixels; k += N) {
      Pack<N> drawn;
      for (int j = 0; j < N; ++j) drawn[j] = four[k + j];
      store<N>(x + begin + p + k, drawn);
    }
  }
  __syncthreads();  // read after write: from here on a thread reads pixels that others drew
  const double norm = norm_of<N>(group, x, pixels);
  const auto factor = static_cast<float>(eps * uniform01(philox(key, counter)[0]) / norm);
  const double squares =
      move<N>(group, x, x0, x0, pixels, [&](float drawn, float centre) { return centre + factor * drawn; });
  project_l2<N>(group, x, x0, pixels, squares, eps);
}

template <int N>
__global__ void __launch_bounds__(256)
    statistics_kernel(float* max_abs, float* zero_share, const float* g, std::int64_t pixels) {
  const ImageGroup group;
  float largest = 0;
  int zeros = 0;
  for_pixels<N>(group, pixels, [&](std::int64_t i) {
    const Pack<N> gradient = load<N>(g + i);
    for (int k = 0; k < N; ++k) {
      largest = larger(largest, fabsf(gradient[k]));
      zeros += gradient[k] == 0.0f ? 1 : 0;
    }
  });
  largest = group.max(largest);
  zeros = group.sum(zeros);
  if (group.rank() != 0) return;
  max_abs[group.row()] = largest;
  zero_share[group.row()] = static_cast<float>(zeros) / static_cast<float>(pixels);
}

template <int N>
__global__ void __launch_bounds__(256)
    distance_kernel(float* linf, float* l2, const float* a, const float* b, std::int64_t pixels) {
  const ImageGroup group;
  float largest = 0;
  double sum = 0;
  for_pixels<N>(group, pixels, [&](std::int64_t i) {
    const Pack<N> from = load<N>(a + i), to = load<N>(b + i);
    for (int k = 0; k < N; ++k) {
      const float d = from[k] - to[k];
      largest = larger(largest, fabsf(d));
      sum += static_cast<double>(d) * d;
    }
  });
  largest = group.max(largest);
  sum = group.sum(sum);
  if (group.rank() != 0) return;
  linf[group.row()] = largest;
  l2[group.row()] = static_cast<float>(sqrt(sum));
}

std::int64_t pixels_of(const Shape& images) { return images[0] > 0 ? images.size() / images[0] : 0; }

}  // namespace

void pgd_step_linf(const Cuda& cuda, View<float> x, View<const float> x0, View<const float> g,
                   const PgdOptions& options) {
  launch_elements(cuda, x.size(), can_use_packs(x, x0, g), StepLinf{x.data, x0.data, g.data, options});
}

void pgd_step_l2(const Cuda& cuda, View<float> x, View<const float> x0, View<const float> g,
                 const PgdOptions& options) {
  const std::int64_t pixels = pixels_of(x.shape);
  with_pixel_packs(pixels, can_use_packs(x, x0, g), [&](auto n) {
    launch_rows<ImageGroup>(cuda, step_l2_kernel<n()>, x.dim(0), x.data, x0.data, g.data, pixels, options);
  });
}

void add_to_momentum(const Cuda& cuda, View<float> m, View<const float> g, float decay) {
  const std::int64_t pixels = pixels_of(m.shape);
  with_pixel_packs(pixels, can_use_packs(m, g), [&](auto n) {
    launch_rows<ImageGroup>(cuda, momentum_kernel<n()>, m.dim(0), m.data, g.data, pixels, decay);
  });
}

void random_start_linf(const Cuda& cuda, View<float> x, View<const float> x0, View<const std::int32_t> indices,
                       RandomKey key, float eps) {
  const std::int64_t pixels = pixels_of(x.shape);
  with_pixel_packs(pixels, can_use_packs(x, x0), [&](auto n) {
    launch_rows<ImageGroup>(cuda, start_linf_kernel<n()>, x.dim(0), x.data, x0.data, indices.data, key, pixels, eps);
  });
}

void random_start_l2(const Cuda& cuda, View<float> x, View<const float> x0, View<const std::int32_t> indices,
                     RandomKey key, float eps) {
  const std::int64_t pixels = pixels_of(x.shape);
  with_pixel_packs(pixels, can_use_packs(x, x0), [&](auto n) {
    launch_rows<ImageGroup>(cuda, start_l2_kernel<n()>, x.dim(0), x.data, x0.data, indices.data, key, pixels, eps);
  });
}

void gradient_statistics(const Cuda& cuda, View<float> max_abs, View<float> zero_share, View<const float> g) {
  const std::int64_t pixels = pixels_of(g.shape);
  with_pixel_packs(pixels, can_use_packs(g), [&](auto n) {
    launch_rows<ImageGroup>(cuda, statistics_kernel<n()>, g.dim(0), max_abs.data, zero_share.data, g.data, pixels);
  });
}

void image_distance(const Cuda& cuda, View<float> linf, View<float> l2, View<const float> a, View<const float> b) {
  const std::int64_t pixels = pixels_of(a.shape);
  with_pixel_packs(pixels, can_use_packs(a, b), [&](auto n) {
    launch_rows<ImageGroup>(cuda, distance_kernel<n()>, a.dim(0), linf.data, l2.data, a.data, b.data, pixels);
  });
}

}  // namespace kelvin
