// One warp a row up to 1024 columns, one block a row above; a row is read twice, the second time from the cache.
#include <cmath>

#include "kernels/layers/normalize_rows.h"
#include "kernels/simt/groups.h"

namespace kelvin {
namespace {

template <class Group>
__device__ double inner(const Group& group, const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = group.rank(); i < n; i += Group::kThreads) sum += static_cast<double>(a[i]) * b[i];
  return group.sum(sum);
}

template <class Group>
__global__ void forward_kernel(float* y, float* norm, const float* x, float scale, std::int64_t rows,
                               std::int64_t cols) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const from = x + row * cols;
  const auto length = static_cast<float>(sqrt(inner(group, from, from, cols)));
  if (group.rank() == 0) norm[row] = length;
  const float factor = scale / fmaxf(length, kSmallestNorm);
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads) y[row * cols + c] = factor * from[c];
}

template <class Group>
__global__ void backward_kernel(float* dx, const float* dy, const float* x, const float* norm, float scale,
                                std::int64_t rows, std::int64_t cols) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float *from = x + row * cols, *g = dy + row * cols;
  const float length = fmaxf(norm[row], kSmallestNorm), factor = scale / length;
  const double product = inner(group, from, g, cols);
  const float along = norm[row] < kSmallestNorm ? 0.0f : static_cast<float>(product / length / length);
  for (std::int64_t c = group.rank(); c < cols; c += Group::kThreads)
    dx[row * cols + c] = factor * (g[c] - from[c] * along);
}

}  // namespace

void normalize_rows_forward(const Cuda& cuda, View<float> y, View<float> norm, View<const float> x, float scale) {
  with_row_group(x.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, forward_kernel<Group>, x.rows(), y.data, norm.data, x.data, scale, x.rows(), x.cols());
  });
}

void normalize_rows_backward(const Cuda& cuda, View<float> dx, View<const float> dy, View<const float> x,
                             View<const float> norm, float scale) {
  with_row_group(x.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_kernel<Group>, x.rows(), dx.data, dy.data, x.data, norm.data, scale, x.rows(),
                       x.cols());
  });
}

}  // namespace kelvin
