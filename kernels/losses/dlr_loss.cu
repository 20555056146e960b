// One warp a row up to 1024 classes, one block a row above. The row is read three times, from the cache after the first.
#include "kernels/losses/dlr_loss.h"
#include "kernels/simt/best_index.h"

namespace kelvin {
namespace {

struct Ratio {
  std::int32_t first, third, other;
  float loss, denominator;
};

template <class Group>
__device__ Ratio ratio_of(const Group& group, const float* z, std::int64_t classes, std::int32_t label) {
  const BestIndex first = best_index(group, z, classes, -1), second = best_index(group, z, classes, first.index);
  const BestIndex third = best_index(group, z, classes, first.index, second.index);
  const BestIndex other = first.index == label ? second : first;
  const float denominator = first.value - third.value + kDlrEpsilon;
  return {first.index, third.index, other.index, (other.value - z[label]) / denominator, denominator};
}

template <class Group>
__global__ void forward_kernel(float* loss, const float* logits, const std::int32_t* labels, std::int64_t rows,
                               std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const Ratio r = ratio_of(group, logits + row * classes, classes, labels[row]);
  if (group.rank() == 0) loss[row] = r.loss;
}

template <class Group>
__global__ void backward_kernel(float* dlogits, const float* dloss, const float* logits, const std::int32_t* labels,
                                std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const std::int32_t label = labels[row];
  const Ratio r = ratio_of(group, logits + row * classes, classes, label);
  const float slope = dloss[row] / r.denominator;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    dlogits[row * classes + j] = (j == r.other ? slope : 0.0f) - (j == label ? slope : 0.0f) -
                                 (j == r.first ? slope * r.loss : 0.0f) + (j == r.third ? slope * r.loss : 0.0f);
}

}  // namespace

void dlr_loss_forward(const Cuda& cuda, View<float> loss, View<const float> logits, View<const std::int32_t> labels) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, forward_kernel<Group>, logits.rows(), loss.data, logits.data, labels.data, logits.rows(),
                       logits.cols());
  });
}

void dlr_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss, View<const float> logits,
                       View<const std::int32_t> labels) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_kernel<Group>, logits.rows(), dlogits.data, dloss.data, logits.data, labels.data,
                       logits.rows(), logits.cols());
  });
}

}  // namespace kelvin
