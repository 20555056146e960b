#include "kernels/attacks/weight_perturbation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

constexpr std::int64_t kSumBlock = 4096;  // elements a partial sum covers

// Partial sums of fixed blocks, combined in the order of the blocks: the same bits for any thread count.
double norm_of(View<const float> x) {
  const std::int64_t blocks = (x.size() + kSumBlock - 1) / kSumBlock;
  std::vector<double> partial(static_cast<std::size_t>(blocks));
  parallel_for(
      blocks,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b)
          for (std::int64_t i = b * kSumBlock; i < std::min(x.size(), (b + 1) * kSumBlock); ++i)
            partial[static_cast<std::size_t>(b)] += static_cast<double>(x[i]) * x[i];
      },
      /*cost=*/12 * kSumBlock);
  double sum = 0;
  for (const double p : partial) sum += p;
  return std::sqrt(sum);
}

}  // namespace

void perturb_weights(Cpu, View<float> w, View<float> undo, View<const float> g, float gamma) {
  const double w_norm = norm_of({w.data, w.shape}), step_norm = kProxyLearningRate * norm_of(g);
  const auto factor = static_cast<float>(gamma * w_norm * kProxyLearningRate / (step_norm + kPerturbationGuard));
  for_each_element(w.size(), [=](std::int64_t i) {
    undo[i] = -factor * g[i];
    w[i] -= undo[i];
  });
}

}  // namespace kelvin
