// Products of float32 matrices at float32's accuracy: from the definition to tensor cores with split factors.
//
//   matmul_lab [--check] [M K N]     default: 1x1 convolutions of ResNet-50, forward and both gradients, and a product of Winograd's
//
// Counted are the bytes that any of them has to move, three matrices; what takes the time is 2 · M · K · N operations. The error is the largest of a
// sample of rows, as a share of the root mean square of the results.
//
//   1  one thread an output     the definition: neighbouring threads read the same row and other columns
//   2  cuBLASLt                 the fastest of its first eight algorithms, on float32's own units
//   3  split                    kernels/products/split_matmul.h, every tiling that competes in matmul.cu
#include <cmath>
#include <cstdlib>

#include "kernels/products/cuda_matmul.h"
#include "kernels/products/split_matmul.h"
#include "kernels/simt/launch.h"
#include "tools/kernel_lab/lab.h"

namespace kelvin::lab {
namespace {

struct Sizes {
  std::int64_t m, k, n;
  bool transpose_a, transpose_b;
  std::int64_t count = 1;
};

__global__ void one_thread_an_output(FloatProduct p) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= p.count * p.m * p.n) return;
  const std::int64_t col = i % p.n, row = i / p.n % p.m, batch = i / p.n / p.m;
  const float* const a = p.a + batch * p.m * p.k;
  const float* const b = p.b + batch * p.k * p.n;
  float sum = 0;
  for (std::int64_t t = 0; t < p.k; ++t)
    sum += a[p.transpose_a ? t * p.m + row : row * p.k + t] * b[p.transpose_b ? col * p.k + t : t * p.n + col];
  p.y[i] = sum;
}

void study(const Cuda& cuda, const Table& table, const Sizes& s) {
  const std::vector<float> a = drawn(s.count * s.m * s.k, 1), b = drawn(s.count * s.k * s.n, 2);
  const std::vector<float> nothing(static_cast<std::size_t>(s.count * s.m * s.n));
  const DeviceArray<float> on_a(cuda, a), on_b(cuda, b), y(cuda, nothing);
  const FloatProduct p = {.y = y.data(),
                          .a = on_a.data(),
                          .b = on_b.data(),
                          .m = s.m,
                          .n = s.n,
                          .k = s.k,
                          .count = s.count,
                          .transpose_a = s.transpose_a,
                          .transpose_b = s.transpose_b};
  const std::int64_t all_rows = s.count * s.m, step = all_rows / 16 | 1;  // odd: rows of all of a tile's warps
  std::vector<double> expected;
  double squares = 0;
  for (std::int64_t row = 0; row < all_rows; row += step) {
    const float* const a_matrix = a.data() + row / s.m * s.m * s.k;
    const float* const b_matrix = b.data() + row / s.m * s.k * s.n;
    std::vector<double> sums(static_cast<std::size_t>(s.n));
    for (std::int64_t t = 0; t < s.k; ++t) {
      const double left = a_matrix[s.transpose_a ? t * s.m + row % s.m : row % s.m * s.k + t];
      for (std::int64_t col = 0; col < s.n; ++col)
        sums[static_cast<std::size_t>(col)] += left * b_matrix[s.transpose_b ? col * s.k + t : t * s.n + col];
    }
    for (const double sum : sums) squares += sum * sum;
    expected.insert(expected.end(), sums.begin(), sums.end());
  }
  const double typical = std::sqrt(squares / static_cast<double>(expected.size()));
  const auto error = [&] {
    const std::vector<float> got = y.host();
    double largest = 0;
    std::size_t i = 0;
    for (std::int64_t row = 0; row < all_rows; row += step)
      for (std::int64_t col = 0; col < s.n; ++col, ++i) {
        const double distance = std::abs(got[static_cast<std::size_t>(row * s.n + col)] - expected[i]);
        largest = std::max(largest, std::isnan(distance) ? INFINITY : distance);
      }
    return largest / typical;
  };

  const double bytes = 4.0 * static_cast<double>(a.size() + b.size() + nothing.size());
  std::printf("\n%lld x %s[%lld, %lld] x %s[%lld, %lld], %.2f GFLOP\n", static_cast<long long>(s.count),
              s.transpose_a ? "transposed " : "", static_cast<long long>(s.m), static_cast<long long>(s.k),
              s.transpose_b ? "transposed " : "", static_cast<long long>(s.k), static_cast<long long>(s.n),
              2e-9 * static_cast<double>(s.count * s.m * s.n * s.k));
  // Of n additions in a chain each rounds what has come together so far: a walk of some root of n roundings, the largest of many six times as far.
  const auto chain_of = [](double additions) { return 6e-8 * (8 + 6 * std::sqrt(additions)); };
  const auto terms = static_cast<double>(s.k);
  const auto row = [&](const std::string& name, double allowed, const std::function<void()>& run) {
    y.poison();
    run();
    table.add(name, bytes, error(), allowed, run);
  };
  row("1 one thread an output", 2 * chain_of(terms),
      [&] { launch(cuda, one_thread_an_output, {.grid = pieces(s.count * s.m * s.n, 256)}, p); });
  setenv("KELVIN_SPLIT_PRODUCTS", "0", 1);
  const auto matrices = [](auto* data, std::int64_t rows, std::int64_t cols, bool transposed) {
    return Matrices<std::remove_pointer_t<decltype(data)>>{data, transposed ? cols : rows, transposed ? rows : cols,
                                                           transposed ? rows : cols};
  };
  row("2 cuBLASLt", chain_of(terms), [&] {
    batched_matmul(cuda, s.count, matrices(p.y, s.m, s.n, false), matrices(p.a, s.m, s.k, s.transpose_a),
                   matrices(p.b, s.k, s.n, s.transpose_b), {s.transpose_a, s.transpose_b});
  });
  unsetenv("KELVIN_SPLIT_PRODUCTS");
  for (const SplitTiling& tiling : split_tilings(p))
    row(str("3 split", tiling.in_pairs ? ", warps in pairs, " : ", ", tiling.parts,
            tiling.parts == 1 ? " part" : " parts"),
        chain_of(terms / 8 / static_cast<double>(tiling.parts)), [&] { split_matmul(cuda, p, tiling); });
}

}  // namespace
}  // namespace kelvin::lab

int main(int argc, char** argv) {
  using namespace kelvin;
  using namespace kelvin::lab;
  return run_lab(argc, argv, "matmul_lab", "product of float32 matrices",
                 [](const Cuda& cuda, const Table& table, const Arguments& arguments) {
                   std::vector<Sizes> all = {{131072, 64, 256, false, true},  {8192, 1024, 256, false, true},
                                             {32768, 512, 128, false, false}, {2048, 512, 2048, false, false},
                                             {256, 131072, 64, true, false},  {1024, 8192, 256, true, false},
                                             {8192, 64, 64, false, true, 36}, {512, 256, 256, false, true, 36}};
                   if (arguments.sizes.size() == 3) {
                     const std::int64_t m = arguments.sizes[0], k = arguments.sizes[1], n = arguments.sizes[2];
                     all = {{m, k, n, false, true}, {m, k, n, false, false}, {m, k, n, true, false}};
                   } else if (arguments.checks_only) {
                     all = {{132, 520, 260, false, true}, {132, 1040, 132, false, false}, {68, 1100, 256, true, false}};
                   }
                   for (const Sizes& sizes : all) study(cuda, table, sizes);
                 });
}
