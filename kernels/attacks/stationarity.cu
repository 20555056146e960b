// One block an image; x, x0 and g are read once.
#include <cmath>

#include "kernels/attacks/stationarity.h"
#include "kernels/simt/groups.h"

namespace kelvin {
namespace {

using ImageGroup = BlockGroup<256>;

__global__ void __launch_bounds__(256) stationarity_kernel(float* fosc, float* is_zero, const float* x, const float* x0,
                                                           const float* g, float eps, std::int64_t pixels) {
  const ImageGroup group;
  const std::int64_t begin = group.row() * pixels;
  double gap = 0;
  int has_gradient = 0;
  for (std::int64_t i = begin + group.rank(); i < begin + pixels; i += ImageGroup::kThreads) {
    gap += static_cast<double>(eps) * fabsf(g[i]) - (static_cast<double>(x[i]) - x0[i]) * g[i];
    has_gradient |= g[i] != 0.0f ? 1 : 0;
  }
  gap = group.sum(gap);
  has_gradient = group.max(has_gradient);
  if (group.rank() != 0) return;
  fosc[group.row()] = static_cast<float>(gap);
  is_zero[group.row()] = has_gradient != 0 ? 0.0f : 1.0f;
}

}  // namespace

void stationarity(const Cuda& cuda, View<float> fosc, View<float> is_zero, View<const float> x, View<const float> x0,
                  View<const float> g, float eps) {
  const std::int64_t images = fosc.size();
  if (images == 0) return;
  launch_rows<ImageGroup>(cuda, stationarity_kernel, images, fosc.data, is_zero.data, x.data, x0.data, g.data, eps,
                          g.size() / images);
}

}  // namespace kelvin
