// A block computes 128 x 64 elements of y from slices of 16 terms, which are copied to shared memory asynchronously, up to three ahead. A warp reads its
// factors from there and splits them: three instructions a number, and four additions for three products of the tensor cores. The instruction is
// mma.sync, which A100 and H100 both have. With it an H100 reaches 226 TFLOP/s of TF32, so 75 of float32; with all other instructions it reaches 31 to
// 51 (tools/bench/DECISIONS.md). Bytes: a block reads its rows of both factors; neighbouring blocks share those of a through the second-level cache.
// Where the sum is cut, `parts` times y is written and read in addition.
#include <algorithm>
#include <optional>

#include "kernels/device/allowed.h"
#include "kernels/device/pool_block.h"
#include "kernels/products/split_matmul.h"
#include "kernels/products/split_tile.h"
#include "kernels/simt/dynamic_shared.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

using namespace split;

struct Task {
  FloatProduct p;
  float* out;                                // y, or [parts, count, M, N]
  std::int64_t out_pitch;                    // from row to row
  std::int64_t out_apart, a_apart, b_apart;  // from product to product of a batch
  int tile_cols, part_terms;                 // tiles side by side; terms of a part
};

// relu?(value + residual + bias)
__device__ __forceinline__ float finished(const FloatProduct& p, float value, std::int64_t at, std::int64_t col) {
  if (p.residual != nullptr) value += p.residual[at];
  if (p.bias != nullptr) value += p.bias[col];
  return p.relu && value <= 0.0f ? 0.0f : value;
}

// Blocks: tiles of y, row by row; products of the batch within parts.
template <int kGroups, bool kTransposeA, bool kTransposeB>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce) split_matmul_kernel(const Task task) {
  using SlicesA = Slices<kRows, !kTransposeA>;
  using SlicesB = Slices<kCols, kTransposeB>;
  constexpr int kOfStage = SlicesA::kSize + SlicesB::kSize;
  const FloatProduct& p = task.p;
  float* const shared = dynamic_shared<float>();  // [kStages, a slice of a and one of b]
  const int tile = static_cast<int>(blockIdx.x), batch = static_cast<int>(blockIdx.y % static_cast<unsigned>(p.count));
  const int part = static_cast<int>(blockIdx.y / static_cast<unsigned>(p.count));
  const int first_row = tile / task.tile_cols * kRows, first_col = tile % task.tile_cols * kCols;
  const int rows = static_cast<int>(p.m), cols = static_cast<int>(p.n);
  const int first_term = part * task.part_terms;
  const int terms = min(task.part_terms, static_cast<int>(p.k) - first_term), slices = (terms + kSlice - 1) / kSlice;
  SlicesA slices_a(p.a + batch * task.a_apart, p.a_pitch, first_row, rows, first_term);
  SlicesB slices_b(p.b + batch * task.b_apart, p.b_pitch, first_col, cols, first_term);

  CopyGroups copies;
  const auto fetch = [&](int slice) {
    if (slice < slices) {
      float* const to = shared + slice % kStages * kOfStage;
      slices_a.fetch(copies, to, terms - slice * kSlice);
      slices_b.fetch(copies, to + SlicesA::kSize, terms - slice * kSlice);
    }
    copies.end_group();
  };
  for (int slice = 0; slice < kStages - 1; ++slice) fetch(slice);

  WarpTile<kGroups> warp;
  for (int slice = 0; slice < slices; ++slice) {
    copies.template wait<kStages - 2>();
    // Read after write: this slice is complete for all threads. Write after read: all have read the slice before, which the next one overwrites.
    __syncthreads();
    fetch(slice + kStages - 1);
    const float* const a_slice = shared + slice % kStages * kOfStage;
#pragma unroll
    for (int first = 0; first < kSlice; first += kGroups * kStep)
      warp.template add_step<SlicesA, SlicesB>(a_slice, a_slice + SlicesA::kSize, first + warp.group * kStep);
  }
  copies.template wait<0>();
  warp.share_sums(shared);

  const bool is_whole = gridDim.y == static_cast<unsigned>(p.count);
  const std::int64_t batch_offset = batch * task.out_apart;  // in y and the residual
  float* const out = task.out + static_cast<std::int64_t>(blockIdx.y) * task.out_apart;
  warp.for_pairs([&](int row_of_tile, int col_of_tile, Pack<2> two) {
    const int row = first_row + row_of_tile, col = first_col + col_of_tile;
    if (row >= rows || col >= cols) return;
    const std::int64_t at = row * task.out_pitch + col;
    if (is_whole)
      for (int k = 0; k < 2; ++k) two[k] = finished(p, two[k], batch_offset + at + k, col + k);
    store<2>(out + at, two);
  });
}

// y from the parts of its sums, [parts, count, M, N], in their order.
struct AddParts {
  static constexpr int kPack = 4;
  FloatProduct p;
  const float* from;
  std::int64_t parts;
  template <int N>
  __device__ void run(std::int64_t element) const {
    const std::int64_t row = element / p.n, col = element % p.n, all = p.count * p.m * p.n;
    Pack<N> sum = {};
#pragma unroll 4
    for (std::int64_t part = 0; part < parts; ++part) {
      const Pack<N> one = load<N>(from + part * all + element);
      for (int k = 0; k < N; ++k) sum[k] += one[k];
    }
    for (int k = 0; k < N; ++k) sum[k] = finished(p, sum[k], row * p.y_pitch + col + k, col + k);
    store<N>(p.y + row * p.y_pitch + col, sum);
  }
};

template <int kGroups>
void run_tiles(const Cuda& cuda, const Task& task, const LaunchShape& shape) {
  const auto run = [&]<bool kTa, bool kTb>(std::bool_constant<kTa>, std::bool_constant<kTb>) {
    LaunchShape with_memory = shape;
    with_memory.shared = kStages * (Slices<kRows, !kTa>::kSize + Slices<kCols, kTb>::kSize) * sizeof(float);
    const FloatProduct& p = task.p;
    launch_as(
        cuda,
        [&] {
          return str("split matmul ", p.count == 1 ? "" : str(p.count, " x "), "[", p.m, ", ", p.k, "] x [", p.k, ", ",
                     p.n, "]", p.residual != nullptr ? ", added" : "", p.bias != nullptr ? ", + bias" : "",
                     p.relu ? ", relu" : "");
        },
        split_matmul_kernel<kGroups, kTa, kTb>, with_memory, task);
  };
  if (task.p.transpose_a) return run(std::true_type{}, std::false_type{});
  if (task.p.transpose_b) return run(std::false_type{}, std::true_type{});
  run(std::false_type{}, std::false_type{});
}

FloatProduct with_pitches(FloatProduct p) {
  if (p.a_pitch == 0) p.a_pitch = p.transpose_a ? p.m : p.k;
  if (p.b_pitch == 0) p.b_pitch = p.transpose_b ? p.k : p.n;
  if (p.y_pitch == 0) p.y_pitch = p.n;
  return p;
}

// Whether this kernel can compute the product.
bool fits(const FloatProduct& p) {
  constexpr std::int64_t kMost = INT32_MAX / 2;
  const auto in_sixteens = [](const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 16 == 0; };
  for (const void* const address : {p.a, p.b, const_cast<const float*>(p.y), p.residual})
    if (!in_sixteens(address)) return false;
  for (const std::int64_t size : {p.m, p.n, p.k, p.a_pitch, p.b_pitch, p.y_pitch})
    if (size % 4 != 0 || size > kMost) return false;
  return !(p.transpose_a && p.transpose_b) && p.count <= 65535;  // of a grid
}

std::int64_t tiles_of(const FloatProduct& p) { return std::int64_t{pieces(p.m, kRows)} * pieces(p.n, kCols); }

}  // namespace

bool must_split() { return is_set("KELVIN_SPLIT_PRODUCTS", "always"); }

std::vector<SplitTiling> split_tilings(const FloatProduct& product, bool even_if_small) {
  constexpr std::int64_t kLeast = std::int64_t{1} << 24;  // multiplications: a few microseconds
  constexpr std::int64_t kLeastTerms = 8 * kSlice;
  const FloatProduct p = with_pitches(product);
  const bool is_large = p.count * p.m * p.n * p.k >= kLeast || must_split() || even_if_small;
  if (!fits(p) || !is_large || !is_allowed("KELVIN_SPLIT_PRODUCTS")) return {};
  std::vector<SplitTiling> tilings;
  std::int64_t before = 0;
  for (const int blocks : {1, kBlocksAtOnce}) {  // on each multiprocessor
    const std::int64_t most = std::max<std::int64_t>(p.k / kLeastTerms, 1);
    const std::int64_t parts = std::clamp<std::int64_t>(blocks * multiprocessors() / (tiles_of(p) * p.count), 1, most);
    if (parts == before) continue;
    for (const bool in_pairs : {true, false}) tilings.push_back({in_pairs, parts});
    before = parts;
  }
  return tilings;
}

void split_matmul(const Cuda& cuda, const FloatProduct& product, const SplitTiling& tiling) {
  const FloatProduct p = with_pitches(product);
  KELVIN_CHECK(fits(p), "not a product for tensor cores");
  const std::int64_t part_terms = (pieces(p.k, tiling.parts) + kSlice - 1) / kSlice * kSlice;
  const std::int64_t parts = pieces(p.k, part_terms);  // no more than asked for
  std::optional<CudaBlock> scratch;
  if (parts > 1) scratch.emplace(cuda, static_cast<std::size_t>(parts * p.count * p.m * p.n) * sizeof(float));
  const std::int64_t out_pitch = scratch ? p.n : p.y_pitch;
  const Task task = {.p = p,
                     .out = scratch ? scratch->as<float>() : p.y,
                     .out_pitch = out_pitch,
                     .out_apart = p.m * out_pitch,
                     .a_apart = (p.transpose_a ? p.k : p.m) * p.a_pitch,
                     .b_apart = (p.transpose_b ? p.n : p.k) * p.b_pitch,
                     .tile_cols = static_cast<int>(pieces(p.n, kCols)),
                     .part_terms = static_cast<int>(part_terms)};
  const LaunchShape shape = {
      .grid = static_cast<unsigned>(tiles_of(p)), .block = kThreads, .grid_y = static_cast<unsigned>(p.count * parts)};
  if (tiling.in_pairs)
    run_tiles<2>(cuda, task, shape);
  else
    run_tiles<1>(cuda, task, shape);
  if (parts > 1) launch_elements(cuda, p.count * p.m * p.n, true, AddParts{p, scratch->as<const float>(), parts});
}

}  // namespace kelvin
