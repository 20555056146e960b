// Three steps: tiles of the images are transformed (36 numbers for 16 outputs), each of the 36 places is a matrix [tiles, channels] that is
// multiplied by its place of the transformed filters, and the products are transformed back. The filter gradient multiplies two transformed
// images and sums over tiles. Bytes an output: an image read, 2.25 times that written and read, the same for the products, an output written. The
// transforms take about 10 instructions an element and are limited by memory. A thread transforms a tile of two channels, whose 72 numbers fit in
// registers.
#include <algorithm>

#include "kernels/convolution/winograd/cuda_convolve.h"
#include "kernels/convolution/winograd/cuda_filters.h"
#include "kernels/convolution/winograd/cuda_transforms.h"
#include "kernels/device/allowed.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/with_flag.h"
#include "kernels/products/cuda_matmul.h"
#include "kernels/simt/launch.h"

namespace kelvin::winograd {
namespace {

// Images [images, height, width, channels] as tiles of 4x4 pixels, numbered image by image, row by row.
struct Tiles {
  std::uint32_t images, height, width, channels;
  [[nodiscard]] __host__ __device__ std::uint32_t rows() const { return (height + kTileOutputs - 1) / kTileOutputs; }
  [[nodiscard]] __host__ __device__ std::uint32_t cols() const { return (width + kTileOutputs - 1) / kTileOutputs; }
  [[nodiscard]] __host__ __device__ std::uint32_t count() const { return images * rows() * cols(); }
};

// A thread's tile and the first of its channels: element i of [tiles, channels].
struct Place {
  std::uint32_t tile, channel, image;
  int row, col;  // of its first pixel
  __device__ Place(const Tiles& t, std::int64_t i) {
    const auto element = static_cast<std::uint32_t>(i);
    tile = element / t.channels;
    channel = element % t.channels;
    const std::uint32_t line = tile / t.cols();
    image = line / t.rows();
    row = static_cast<int>(line % t.rows()) * kTileOutputs;
    col = static_cast<int>(tile % t.cols()) * kTileOutputs;
  }
  [[nodiscard]] __device__ bool holds(const Tiles& t, int i, int j) const {
    return row + i >= 0 && row + i < static_cast<int>(t.height) && col + j >= 0 && col + j < static_cast<int>(t.width);
  }
  [[nodiscard]] __device__ std::int64_t pixel(const Tiles& t, int i, int j) const {  // where its channel lies
    return ((static_cast<std::int64_t>(image) * t.height + row + i) * t.width + col + j) * t.channels + channel;
  }
};

// to [36, stored, channels] = the transforms of windows of kSide x kSide pixels, kBefore of which lie before the tile's first. Tiles from the last to
// `stored` are zero.
template <int kSide, int kBefore, Pack<6> (*kLine)(const Pack<kSide>&)>
struct TransformTiles {
  static constexpr int kPack = 2;
  float* to;
  const float* from;
  Tiles tiles;
  std::uint32_t stored;
  template <int N>
  __device__ void run(std::int64_t element) const {
    const Place place(tiles, element);
    Square<kSide> window[N] = {};
    if (place.tile < tiles.count()) {
#pragma unroll
      for (int i = 0; i < kSide; ++i)
#pragma unroll
        for (int j = 0; j < kSide; ++j)
          if (place.holds(tiles, i - kBefore, j - kBefore)) {
            const Pack<N> pixel = load<N>(from + place.pixel(tiles, i - kBefore, j - kBefore));
            for (int k = 0; k < N; ++k) window[k].row[i][j] = pixel[k];
          }
    }
    Square<6> transformed[N];
    for (int k = 0; k < N; ++k) transformed[k] = transform<kSide, 6, kLine>(window[k]);
    const std::int64_t matrix = static_cast<std::int64_t>(stored) * tiles.channels;
#pragma unroll
    for (int p = 0; p < kTilePlaces; ++p) {
      Pack<N> number;
      for (int k = 0; k < N; ++k) number[k] = transformed[k].row[p / 6][p % 6];
      store<N>(to + p * matrix + element, number);
    }
  }
};
using TransformInputs = TransformTiles<6, 1, input_line>;
using TransformCotangents = TransformTiles<4, 0, cotangent_line>;

// image = relu?(the products [36, tiles, channels] transformed back + other + bias). `other` may be this image.
template <bool kHasOther>
struct TransformBack {
  static constexpr int kPack = 2;
  float* image;
  const float* products;
  Tiles tiles;
  const float *other, *bias;  // bias null: none
  bool relu;
  template <int N>
  __device__ void run(std::int64_t element) const {
    const Place place(tiles, element);
    const std::int64_t matrix = static_cast<std::int64_t>(tiles.count()) * tiles.channels;
    Square<6> transformed[N];
#pragma unroll
    for (int p = 0; p < kTilePlaces; ++p) {
      const Pack<N> number = load<N>(products + p * matrix + element);
      for (int k = 0; k < N; ++k) transformed[k].row[p / 6][p % 6] = number[k];
    }
    Square<4> outputs[N];
    for (int k = 0; k < N; ++k) outputs[k] = transform<6, 4, output_line>(transformed[k]);
    Pack<N> added = {};
    if (bias != nullptr) added = load<N>(bias + place.channel);
    Pack<N> others[kHasOther ? kOutputs : 1] = {};
    if constexpr (kHasOther) load_tile(others, other, place);
#pragma unroll
    for (int p = 0; p < kOutputs; ++p) {
      Pack<N> v;
      for (int k = 0; k < N; ++k) {
        v[k] = outputs[k].row[p / 4][p % 4] + added[k];
        if constexpr (kHasOther) v[k] += others[p][k];
        if (relu) v[k] = v[k] <= 0.0f ? 0.0f : v[k];
      }
      if (place.holds(tiles, p / 4, p % 4)) store<N>(image + place.pixel(tiles, p / 4, p % 4), v);
    }
  }

 private:
  static constexpr int kOutputs = kTileOutputs * kTileOutputs;
  template <int N>
  __device__ void load_tile(Pack<N> (&to)[kOutputs], const float* from, const Place& place) const {
#pragma unroll
    for (int p = 0; p < kOutputs; ++p)  // all on their way before the first is used
      if (place.holds(tiles, p / 4, p % 4)) to[p] = load<N>(from + place.pixel(tiles, p / 4, p % 4));
  }
};

std::size_t bytes_of_places(std::int64_t rows, std::int64_t cols) {
  return static_cast<std::size_t>(kTilePlaces * rows * cols) * sizeof(float);
}

bool is_even(std::int64_t n) { return n % 2 == 0; }

Tiles tiles_of(const ConvProblem& p, std::int64_t channels) {
  const auto narrow = [](std::int64_t n) { return static_cast<std::uint32_t>(n); };
  return {narrow(p.x[0]), narrow(p.x[1]), narrow(p.x[2]), narrow(channels)};
}

class Convolution {
 public:
  Convolution(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t)
      : cuda_(cuda), p_(p), t_(t), inputs_(p.w[3]), outputs_(p.w[0]) {
    KELVIN_CHECK(tiles(1).count() * std::max(inputs_, outputs_) < UINT32_MAX, "too many tiles: ", describe(p));
  }

  // From x to y, or from y to x with the filters turned and their channels exchanged.
  void convolve() const {
    const bool forward = p_.direction == ConvDirection::forward;
    const std::int64_t from = forward ? inputs_ : outputs_, to = forward ? outputs_ : inputs_, n = tiles(1).count();
    const CudaBlock filters(cuda_, bytes_of_places(outputs_, inputs_));
    transform_filters(cuda_, filters.as<float>(), floats(t_.w), outputs_, inputs_, !forward);
    const CudaBlock v(cuda_, bytes_of_places(n, from)), m(cuda_, bytes_of_places(n, to));
    transform_images<TransformInputs>(v.as<float>(), forward ? t_.x : t_.y, tiles(from), n);
    batched_matmul(cuda_, kTilePlaces, {m.as<float>(), n, to, to}, {v.as<const float>(), n, from, from},
                   {filters.as<const float>(), outputs_, inputs_, inputs_}, {.transpose_b = forward});
    transform_back(m.as<const float>(), forward ? t_.y : t_.x, tiles(to));
  }

  void filter_gradient() const {
    // The product of a place is small and its sum long. The sum is cut into parts to give all multiprocessors work.
    constexpr std::int64_t kBlock = 128, kWanted = 256, kLeast = 64;  // outputs of a block of a product, blocks, tiles
    const std::int64_t blocks = kTilePlaces * pieces(outputs_, kBlock) * pieces(inputs_, kBlock);
    const std::int64_t n = tiles(1).count(), most = std::max<std::int64_t>(n / kLeast, 1);
    const std::int64_t parts = std::min<std::int64_t>(pieces(kWanted, blocks), most);
    const std::int64_t part_size = pieces(n, parts), stored = part_size * parts;
    const CudaBlock sums(cuda_, static_cast<std::size_t>(parts) * bytes_of_places(outputs_, inputs_));
    const CudaBlock v(cuda_, bytes_of_places(stored, inputs_)), z(cuda_, bytes_of_places(stored, outputs_));
    transform_images<TransformInputs>(v.as<float>(), t_.x, tiles(inputs_), stored);
    transform_images<TransformCotangents>(z.as<float>(), t_.y, tiles(outputs_), stored);
    batched_matmul(cuda_, kTilePlaces * parts, {sums.as<float>(), outputs_, inputs_, inputs_},
                   {z.as<const float>(), part_size, outputs_, outputs_},
                   {v.as<const float>(), part_size, inputs_, inputs_}, {.transpose_a = true});
    transform_filters_back(cuda_, floats(t_.w), sums.as<const float>(), parts, outputs_, inputs_);
  }

 private:
  static float* floats(const void* p) { return static_cast<float*>(const_cast<void*>(p)); }
  static bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % (2 * sizeof(float)) == 0; }
  [[nodiscard]] Tiles tiles(std::int64_t channels) const { return tiles_of(p_, channels); }

  template <class Op>
  void transform_images(float* to, const void* images, const Tiles& t, std::int64_t stored) const {
    launch_elements(cuda_, stored * t.channels, is_even(t.channels) && is_aligned(images),
                    Op{to, floats(images), t, static_cast<std::uint32_t>(stored)});
  }

  void transform_back(const float* products, const void* images, const Tiles& t) const {
    float* const image = floats(images);
    const float* const other = p_.adds ? image : p_.has_residual ? floats(t_.residual) : nullptr;
    const float* const bias = p_.has_bias ? floats(t_.bias) : nullptr;
    const bool in_packs = is_even(t.channels) && is_aligned(image) && is_aligned(other) && is_aligned(bias);
    with_flag(other != nullptr, [&](auto has_other) {
      launch_elements(cuda_, static_cast<std::int64_t>(t.count()) * t.channels, in_packs,
                      TransformBack<has_other()>{image, products, t, other, bias, p_.relu});
    });
  }

  const Cuda& cuda_;
  const ConvProblem& p_;
  const ConvTensors& t_;
  std::int64_t inputs_, outputs_;
};

}  // namespace

bool is_fit(const ConvProblem& p) {
  constexpr std::int64_t kChannels = 16;
  const bool is_same_size_3x3 = p.w[1] == kTaps && p.w[2] == kTaps && p.stride == 1 && p.pad == 1;
  return p.dtype == DType::f32 && !p.allow_tf32 && is_same_size_3x3 && p.w[0] >= kChannels && p.w[3] >= kChannels &&
         is_allowed("KELVIN_WINOGRAD");
}

std::int64_t scratch_bytes(const ConvProblem& p) {
  return static_cast<std::int64_t>(bytes_of_places(tiles_of(p, 1).count(), p.w[0] + p.w[3]));
}

void cuda_convolve(const Cuda& cuda, const ConvProblem& p, const ConvTensors& t) {
  const Convolution convolution(cuda, p, t);
  if (p.direction == ConvDirection::backward_filter)
    convolution.filter_gradient();
  else
    convolution.convolve();
}

}  // namespace kelvin::winograd
