#include "kernels/attacks/pgd_step.h"

#include <algorithm>
#include <cmath>

#include "kernels/attacks/pgd_bounds.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

double norm_of(const float* v, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(v[i]) * v[i];
  return std::sqrt(sum);
}

// Shrinks x − x0 to norm eps where it is longer, then clips to the box; clipping moves x nearer to x0.
void project_l2(float* x, const float* x0, std::int64_t n, float eps) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::pow(static_cast<double>(x[i]) - x0[i], 2);
  const double norm = std::sqrt(sum);
  const auto factor = static_cast<float>(norm > eps ? eps / norm : 1.0);
  for (std::int64_t i = 0; i < n; ++i) x[i] = clamp_to_box(x0[i] + factor * (x[i] - x0[i]));
}

// f(image, offset of its first pixel, pixels)
template <class F>
void for_each_image(const Shape& images, const F& f) {
  const std::int64_t n = images[0], pixels = n > 0 ? images.size() / n : 0;
  parallel_for(
      n,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) f(i, i * pixels, pixels);
      },
      /*cost=*/12 * pixels);
}

}  // namespace

void pgd_step_linf(Cpu, View<float> x, View<const float> x0, View<const float> g, const PgdOptions& o) {
  for_each_element(
      x.size(),
      [=](std::int64_t i) {
        const float sign = static_cast<float>(g[i] > 0.0f) - static_cast<float>(g[i] < 0.0f);
        x[i] = project_linf(x[i] + o.step * sign, x0[i], o.eps);
      },
      /*cost=*/4);
}

void pgd_step_l2(Cpu, View<float> x, View<const float> x0, View<const float> g, const PgdOptions& o) {
  for_each_image(x.shape, [&](std::int64_t, std::int64_t at, std::int64_t pixels) {
    const double norm = norm_of(g.data + at, pixels);
    if (norm > 0) {
      const double factor = o.step / norm;
      for (std::int64_t i = at; i < at + pixels; ++i) x[i] += static_cast<float>(factor * g[i]);
    }
    project_l2(x.data + at, x0.data + at, pixels, o.eps);
  });
}

void add_to_momentum(Cpu, View<float> m, View<const float> g, float decay) {
  for_each_image(m.shape, [&](std::int64_t, std::int64_t at, std::int64_t pixels) {
    double total = 0;
    for (std::int64_t i = at; i < at + pixels; ++i) total += std::abs(g[i]);
    for (std::int64_t i = at; i < at + pixels; ++i)
      m[i] = momentum_of(m[i], g[i], total / static_cast<double>(pixels), decay);
  });
}

void random_start_linf(Cpu, View<float> x, View<const float> x0, View<const std::int32_t> indices, RandomKey key,
                       float eps) {
  for_each_image(x.shape, [&](std::int64_t image, std::int64_t at, std::int64_t pixels) {
    for (std::int64_t p = 0; p < pixels; p += 4) {
      const auto bits = philox(key, first_start_counter(indices[image]) + static_cast<std::uint64_t>(p / 4));
      for (std::int64_t k = 0; k < std::min<std::int64_t>(4, pixels - p); ++k) {
        const float noise = eps * (2.0f * uniform01(bits[static_cast<std::size_t>(k)]) - 1.0f);
        x[at + p + k] = project_linf(x0[at + p + k] + noise, x0[at + p + k], eps);
      }
    }
  });
}

void random_start_l2(Cpu, View<float> x, View<const float> x0, View<const std::int32_t> indices, RandomKey key,
                     float eps) {
  for_each_image(x.shape, [&](std::int64_t image, std::int64_t at, std::int64_t pixels) {
    const std::uint64_t counter = first_start_counter(indices[image]);
    float* const direction = x.data + at;
    for (std::int64_t p = 0; p < pixels; p += 4) {
      const auto bits = philox(key, counter + 1 + static_cast<std::uint64_t>(p / 4));
      const auto a = normal_pair(bits[0], bits[1]), b = normal_pair(bits[2], bits[3]);
      const float four[4] = {a[0], a[1], b[0], b[1]};
      std::copy_n(four, std::min<std::int64_t>(4, pixels - p), direction + p);
    }
    const float radius = eps * uniform01(philox(key, counter)[0]);
    const auto factor = static_cast<float>(radius / norm_of(direction, pixels));
    for (std::int64_t i = 0; i < pixels; ++i) direction[i] = x0[at + i] + factor * direction[i];
    project_l2(direction, x0.data + at, pixels, eps);
  });
}

void gradient_statistics(Cpu, View<float> max_abs, View<float> zero_share, View<const float> g) {
  for_each_image(g.shape, [&](std::int64_t image, std::int64_t at, std::int64_t pixels) {
    float largest = 0;
    std::int64_t zeros = 0;
    for (std::int64_t i = at; i < at + pixels; ++i) {
      largest = std::max(largest, std::abs(g[i]));
      zeros += g[i] == 0.0f ? 1 : 0;
    }
    max_abs[image] = largest;
    zero_share[image] = static_cast<float>(zeros) / static_cast<float>(pixels);
  });
}

void image_distance(Cpu, View<float> linf, View<float> l2, View<const float> a, View<const float> b) {
  for_each_image(a.shape, [&](std::int64_t image, std::int64_t at, std::int64_t pixels) {
    float largest = 0;
    double sum = 0;
    for (std::int64_t i = at; i < at + pixels; ++i) {
      const float d = a[i] - b[i];
      largest = std::max(largest, std::abs(d));
      sum += static_cast<double>(d) * d;
    }
    linf[image] = largest;
    l2[image] = static_cast<float>(std::sqrt(sum));
  });
}

}  // namespace kelvin
