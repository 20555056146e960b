// One warp a row up to 1024 classes, one block a row above. The row is read four times, from the cache after the first.
#include "kernels/losses/dlr_loss.h"
#include "kernels/losses/targeted_dlr_loss.h"
#include "kernels/simt/best_index.h"

namespace kelvin {
namespace {

struct Ratio {
  std::int32_t first, third, fourth;
  float loss, denominator;
};

template <class Group>
__device__ Ratio ratio_of(const Group& group, const float* z, std::int64_t classes, std::int32_t label,
                          std::int32_t target) {
  const BestIndex first = best_index(group, z, classes, -1), second = best_index(group, z, classes, first.index);
  const BestIndex third = best_index(group, z, classes, first.index, second.index);
  const BestIndex fourth = best_index(group, z, classes, first.index, second.index, third.index);
  const float denominator = first.value - 0.5f * (third.value + fourth.value) + kDlrEpsilon;
  return {first.index, third.index, fourth.index, (z[target] - z[label]) / denominator, denominator};
}

template <class Group>
__global__ void forward_kernel(float* loss, const float* logits, const std::int32_t* labels,
                               const std::int32_t* targets, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const Ratio r = ratio_of(group, logits + row * classes, classes, labels[row], targets[row]);
  if (group.rank() == 0) loss[row] = r.loss;
}

template <class Group>
__global__ void backward_kernel(float* dlogits, const float* dloss, const float* logits, const std::int32_t* labels,
                                const std::int32_t* targets, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const std::int32_t label = labels[row], target = targets[row];
  const Ratio r = ratio_of(group, logits + row * classes, classes, label, target);
  const float slope = dloss[row] / r.denominator;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    dlogits[row * classes + j] = (j == target ? slope : 0.0f) - (j == label ? slope : 0.0f) -
                                 (j == r.first ? slope * r.loss : 0.0f) +
                                 (j == r.third || j == r.fourth ? 0.5f * slope * r.loss : 0.0f);
}

}  // namespace

void targeted_dlr_loss_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                               View<const std::int32_t> labels, View<const std::int32_t> targets) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, forward_kernel<Group>, logits.rows(), loss.data, logits.data, labels.data, targets.data,
                       logits.rows(), logits.cols());
  });
}

void targeted_dlr_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss,
                                View<const float> logits, View<const std::int32_t> labels,
                                View<const std::int32_t> targets) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_kernel<Group>, logits.rows(), dlogits.data, dloss.data, logits.data, labels.data,
                       targets.data, logits.rows(), logits.cols());
  });
}

}  // namespace kelvin
