#include "kernels/arrays/top1.h"
#include "kernels/device/pool_block.h"
#include "kernels/simt/best_index.h"

namespace kelvin {
namespace {

template <class Group>
__global__ void argmax_kernel(std::int32_t* predictions, const float* logits, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const BestIndex best = best_index(group, logits + row * classes, classes, -1);
  if (group.rank() == 0) predictions[row] = best.index;
}

// count += the number of rows with predictions = labels; one block, so the sum needs no atomics.
__global__ void count_kernel(std::int32_t* count, const std::int32_t* predictions, const std::int32_t* labels,
                             std::int64_t rows) {
  const BlockGroup<256> group;
  std::int32_t mine = 0;
  for (std::int64_t row = group.rank(); row < rows; row += 256) mine += predictions[row] == labels[row] ? 1 : 0;
  const std::int32_t all = group.sum(mine);
  if (group.rank() == 0) count[0] += all;
}

struct Matches {
  std::int32_t* flags;
  const std::int32_t *a, *b;
  bool wanted;
  template <int N>
  __device__ void run(std::int64_t i) const {
    for (int k = 0; k < N; ++k) flags[i + k] = (a[i + k] == b[i + k]) == wanted ? 1 : 0;
  }
};

}  // namespace

void argmax(const Cuda& cuda, View<std::int32_t> predictions, View<const float> logits) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, argmax_kernel<Group>, logits.rows(), predictions.data, logits.data, logits.rows(),
                       logits.cols());
  });
}

void count_correct(const Cuda& cuda, View<std::int32_t> count, View<const float> logits,
                   View<const std::int32_t> labels) {
  const CudaBlock predictions(cuda, static_cast<std::size_t>(labels.size()) * sizeof(std::int32_t));
  argmax(cuda, {predictions.as<std::int32_t>(), {labels.size()}}, logits);
  launch(cuda, count_kernel, {.grid = 1, .block = 256}, count.data, predictions.as<const std::int32_t>(), labels.data,
         labels.size());
}

void matches(const Cuda& cuda, View<std::int32_t> flags, View<const std::int32_t> a, View<const std::int32_t> b,
             bool wanted) {
  launch_elements(cuda, flags.size(), false, Matches{flags.data, a.data, b.data, wanted});
}

}  // namespace kelvin
