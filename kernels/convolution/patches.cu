// Bytes: gathering reads the pixels under the patches once (again from the second-level cache where patches overlap) and writes the patches. Summing reads
// the patches and writes the image or, where it adds, reads and writes the pixels that are in a patch. Neighbouring threads have neighbouring channels.
#include <algorithm>

#include "kernels/convolution/patches.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

// All numbers have 32 bits: their divisions need a third of the instructions of 64-bit ones.
struct Geometry {
  std::uint32_t height, width, channels, out_height, out_width, rows, cols, stride, pad;
  explicit Geometry(const ConvProblem& p)
      : height(narrow(p.x[1])),
        width(narrow(p.x[2])),
        channels(narrow(p.x[3])),
        out_height(narrow(p.output_side(0))),
        out_width(narrow(p.output_side(1))),
        rows(narrow(p.w[1])),
        cols(narrow(p.w[2])),
        stride(narrow(p.stride)),
        pad(narrow(p.pad)) {}
  static std::uint32_t narrow(std::int64_t n) { return static_cast<std::uint32_t>(n); }
};

template <class T>
struct Gather {
  static constexpr int kPack = pack_of<T>;
  T* patches;
  const T* x;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t element) const {
    const auto i = static_cast<std::uint32_t>(element);
    const std::uint32_t c = i % g.channels, tap = i / g.channels, s = tap % g.cols, line = tap / g.cols;
    const std::uint32_t r = line % g.rows, output = line / g.rows, q = output % g.out_width;
    const std::uint32_t p = output / g.out_width % g.out_height, n = output / g.out_width / g.out_height;
    const std::uint32_t h = p * g.stride + r - g.pad, w = q * g.stride + s - g.pad;  // before the image: very large
    Pack<N> v = {};
    if (h < g.height && w < g.width)
      v = load<N>(x + ((static_cast<std::int64_t>(n) * g.height + h) * g.width + w) * g.channels + c);
    store<N>(patches + element, v);
  }
};

template <class T, bool kAdds>
struct Sum {
  static constexpr int kPack = pack_of<T>;
  T* dx;
  const T* patches;
  Geometry g;
  template <int N>
  __device__ void run(std::int64_t element) const {
    const auto i = static_cast<std::uint32_t>(element);
    const std::uint32_t c = i % g.channels, pixel = i / g.channels, w = pixel % g.width + g.pad;
    const std::uint32_t h = pixel / g.width % g.height + g.pad, n = pixel / g.width / g.height;
    Pack<N> sum = {};
    bool is_seen = false;
    // The taps that read this pixel: h = p · stride + r.
    for (std::uint32_t r = h % g.stride; r < g.rows && r <= h; r += g.stride)
      for (std::uint32_t s = w % g.stride; s < g.cols && s <= w; s += g.stride) {
        const std::uint32_t p = (h - r) / g.stride, q = (w - s) / g.stride;
        if (p >= g.out_height || q >= g.out_width) continue;
        const std::int64_t output = (static_cast<std::int64_t>(n) * g.out_height + p) * g.out_width + q;
        const Pack<N> v = load<N>(patches + ((output * g.rows + r) * g.cols + s) * g.channels + c);
        for (int k = 0; k < N; ++k) sum[k] += v[k];
        is_seen = true;
      }
    if constexpr (kAdds) {
      if (!is_seen) return;  // three quarters of a shortcut's pixels
      const Pack<N> before = load<N>(dx + element);
      for (int k = 0; k < N; ++k) sum[k] += before[k];
    }
    store<N>(dx + element, sum);
  }
};

std::int64_t image_elements(const ConvProblem& p) { return p.x[0] * p.x[1] * p.x[2] * p.x[3]; }

template <class T>
bool in_packs(const ConvProblem& p, const T* a, const T* b) {
  return p.x[3] % pack_of<T> == 0 && can_use_packs(View<const T>{a, {}}, View<const T>{b, {}});
}

}  // namespace

std::int64_t patch_elements(const ConvProblem& p) {
  return p.x[0] * p.output_side(0) * p.output_side(1) * p.w[1] * p.w[2] * p.x[3];
}

bool has_few_patches(const ConvProblem& p) {
  const bool overlap = p.w[1] > p.stride || p.w[2] > p.stride;
  if (overlap && p.dtype == DType::bf16 && p.direction == ConvDirection::backward_data) return false;
  if (p.stride == 1 && p.w[1] == 1 && p.w[2] == 1 && p.pad == 0) return false;  // the image itself
  const std::int64_t patches = patch_elements(p), outputs = p.x[0] * p.output_side(0) * p.output_side(1) * p.w[0];
  return patches <= std::max(outputs, p.stride > 1 ? 4 * image_elements(p) : 0) &&
         std::max(patches, image_elements(p)) < UINT32_MAX;
}

template <class T>
void gather_patches(const Cuda& cuda, T* patches, const T* x, const ConvProblem& p) {
  launch_elements(cuda, patch_elements(p), in_packs<T>(p, patches, x), Gather<T>{patches, x, Geometry(p)});
}

template <class T>
void sum_patches(const Cuda& cuda, T* dx, const T* patches, const ConvProblem& p) {
  const bool packs = in_packs<T>(p, dx, patches);
  if (p.adds)
    launch_elements(cuda, image_elements(p), packs, Sum<T, true>{dx, patches, Geometry(p)});
  else
    launch_elements(cuda, image_elements(p), packs, Sum<T, false>{dx, patches, Geometry(p)});
}

template void gather_patches(const Cuda&, float*, const float*, const ConvProblem&);
template void gather_patches(const Cuda&, bfloat16*, const bfloat16*, const ConvProblem&);
template void sum_patches(const Cuda&, float*, const float*, const ConvProblem&);
template void sum_patches(const Cuda&, bfloat16*, const bfloat16*, const ConvProblem&);

}  // namespace kelvin
