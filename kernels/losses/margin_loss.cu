// One warp a row up to 1024 classes, one block a row above; the row is read once.
#include "kernels/losses/margin_loss.h"
#include "kernels/simt/best_index.h"

namespace kelvin {
namespace {

template <class Group>
__global__ void forward_kernel(float* loss, const float* logits, const std::int32_t* labels, std::int64_t rows,
                               std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const BestIndex other = best_index(group, z, classes, labels[row]);
  if (group.rank() == 0) loss[row] = z[other.index] - z[labels[row]];
}

template <class Group>
__global__ void backward_kernel(float* dlogits, const float* dloss, const float* logits, const std::int32_t* labels,
                                std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const std::int32_t label = labels[row];
  const BestIndex other = best_index(group, logits + row * classes, classes, label);
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    dlogits[row * classes + j] = j == other.index ? dloss[row] : j == label ? -dloss[row] : 0.0f;
}

}  // namespace

template <>
void margin_loss_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                         View<const std::int32_t> labels) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, forward_kernel<Group>, logits.rows(), loss.data, logits.data, labels.data, logits.rows(),
                       logits.cols());
  });
}

template <>
void margin_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss, View<const float> logits,
                          View<const std::int32_t> labels) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_kernel<Group>, logits.rows(), dlogits.data, dloss.data, logits.data, labels.data,
                       logits.rows(), logits.cols());
  });
}

}  // namespace kelvin
