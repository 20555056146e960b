// One block an image: decides, then copies the pixels of an image that won.
#include "kernels/attacks/keep_best.h"
#include "kernels/simt/launch.h"

namespace kelvin {
namespace {

struct Kept {
  float *images, *loss;
  std::int32_t *success, *prediction;
};
struct Candidate {
  const float *images, *loss;
  const std::int32_t *success, *prediction;
};

__global__ void keep_best_kernel(Kept best, Candidate now, std::int64_t pixels) {
  const std::int64_t i = blockIdx.x;
  const bool is_better = best.success[i] == 0 && (now.success[i] != 0 || now.loss[i] > best.loss[i]);
  __syncthreads();  // write after read: all threads have decided before one changes what they looked at
  if (!is_better) return;
  for (std::int64_t p = threadIdx.x; p < pixels; p += blockDim.x)
    best.images[i * pixels + p] = now.images[i * pixels + p];
  if (threadIdx.x != 0) return;
  best.loss[i] = now.loss[i];
  best.success[i] = now.success[i];
  best.prediction[i] = now.prediction[i];
}

}  // namespace

void keep_best(const Cuda& cuda, View<float> best_images, View<float> best_loss, View<std::int32_t> best_success,
               View<std::int32_t> best_prediction, View<const float> images, View<const float> loss,
               View<const std::int32_t> success, View<const std::int32_t> prediction) {
  const std::int64_t n = loss.size();
  if (n == 0) return;
  launch(cuda, keep_best_kernel, {.grid = static_cast<unsigned>(n), .block = 256},
         Kept{best_images.data, best_loss.data, best_success.data, best_prediction.data},
         Candidate{images.data, loss.data, success.data, prediction.data}, images.size() / n);
}

}  // namespace kelvin
