// Bytes: nine taps of a filter's channel read and 36 numbers written, or 36 for each part read and nine written.
#include "kernels/convolution/winograd/cuda_filters.h"
#include "kernels/convolution/winograd/cuda_transforms.h"
#include "kernels/simt/launch.h"

namespace kelvin::winograd {
namespace {

struct TransformFilters {
  static constexpr int kPack = 2;
  float* to;
  const float* w;
  std::int64_t filters, channels;
  bool turned;
  template <int N>
  __device__ void run(std::int64_t element) const {
    const std::int64_t filter = element / channels, channel = element % channels;
    Square<3> taps[N];
#pragma unroll
    for (int t = 0; t < kTaps * kTaps; ++t) {
      const int from = turned ? kTaps * kTaps - 1 - t : t;
      const Pack<N> tap = load<N>(w + (filter * kTaps * kTaps + from) * channels + channel);
      for (int k = 0; k < N; ++k) taps[k].row[t / kTaps][t % kTaps] = tap[k];
    }
    Square<6> transformed[N];
    for (int k = 0; k < N; ++k) transformed[k] = transform<3, 6, filter_line>(taps[k]);
#pragma unroll
    for (int p = 0; p < kTilePlaces; ++p) {
      Pack<N> number;
      for (int k = 0; k < N; ++k) number[k] = transformed[k].row[p / 6][p % 6];
      store<N>(to + p * filters * channels + element, number);
    }
  }
};

// A block has 32 neighbouring channels of [K, C]. Each of its six warps transforms one column of the 6x6 places; then three of them transform one row of
// the taps each. Small filters have many parts to add, and six times as many threads have six times as many pending reads.
constexpr int kLanes = 32;
__global__ void __launch_bounds__(6 * kLanes)
    filters_back_kernel(float* dw, const float* from, std::int64_t parts, std::int64_t filters, std::int64_t channels) {
  __shared__ float half[3][6][kLanes];  // the columns transformed
  const int lane = static_cast<int>(threadIdx.x) % kLanes, j = static_cast<int>(threadIdx.x) / kLanes;
  const std::int64_t element = static_cast<std::int64_t>(blockIdx.x) * kLanes + lane, matrix = filters * channels;
  const bool is_inside = element < matrix;
  if (is_inside) {
    Pack<6> sums = {};
#pragma unroll 4
    for (std::int64_t part = 0; part < parts; ++part)
#pragma unroll
      for (int i = 0; i < 6; ++i) sums[i] += from[((i * 6 + j) * parts + part) * matrix + element];
    const Pack<3> column = filter_gradient_line(sums);
#pragma unroll
    for (int r = 0; r < 3; ++r) half[r][j][lane] = column[r];
  }
  __syncthreads();  // read after write: the other columns are there
  if (!is_inside || j >= 3) return;
  Pack<6> row;
#pragma unroll
  for (int i = 0; i < 6; ++i) row[i] = half[j][i][lane];
  const Pack<3> taps = filter_gradient_line(row);
  float* const to = dw + (element / channels * kTaps + j) * kTaps * channels + element % channels;
#pragma unroll
  for (int s = 0; s < 3; ++s) to[s * channels] = taps[s];
}

}  // namespace

void transform_filters(const Cuda& cuda, float* to, const float* w, std::int64_t filters, std::int64_t channels,
                       bool turned) {
  const bool in_pairs = channels % 2 == 0 && reinterpret_cast<std::uintptr_t>(w) % (2 * sizeof(float)) == 0;
  launch_elements(cuda, filters * channels, in_pairs, TransformFilters{to, w, filters, channels, turned});
}

void transform_filters_back(const Cuda& cuda, float* dw, const float* from, std::int64_t parts, std::int64_t filters,
                            std::int64_t channels) {
  launch(cuda, filters_back_kernel, {.grid = pieces(filters * channels, kLanes), .block = 6 * kLanes}, dw, from, parts,
         filters, channels);
}

}  // namespace kelvin::winograd
