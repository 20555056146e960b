// Both kernels of a loss that depends on a few logits of a row, one group a row. Included by .cu files only.
//
//   struct Margin {                                                     // one row; every thread of its group has one
//     float loss;
//     template <class Group>
//     __device__ Margin(const Group& group, const float* z, std::int64_t classes, std::int32_t label, std::int32_t target);
//     __device__ float gradient(std::int64_t j, float dloss) const;     // dloss · ∂loss/∂z_j
//   };
//   row_loss_forward<Margin>(cuda, loss, {logits, labels});
//   row_loss_backward<Margin>(cuda, dlogits, dloss, {logits, labels});
//
// Without targets `target` is the label.
#pragma once

#include <cstdint>

#include "kernels/device/view.h"
#include "kernels/simt/groups.h"

namespace kelvin {

struct RowLossInputs {
  const float* logits;  // [rows, classes]
  const std::int32_t *labels, *targets;
  std::int64_t rows, classes;
  RowLossInputs(View<const float> z, View<const std::int32_t> y, View<const std::int32_t> t = {})
      : logits(z.data), labels(y.data), targets(t.empty() ? y.data : t.data), rows(z.rows()), classes(z.cols()) {}

  template <class Loss, class Group>
  __device__ Loss row(const Group& group) const {
    return Loss(group, logits + group.row() * classes, classes, labels[group.row()], targets[group.row()]);
  }
};

template <class Loss, class Group>
__global__ void row_loss_kernel(float* loss, RowLossInputs in) {
  const Group group;
  if (group.row() >= in.rows) return;
  const auto row = in.row<Loss>(group);
  if (group.rank() == 0) loss[group.row()] = row.loss;
}

template <class Loss, class Group>
__global__ void row_loss_gradient_kernel(float* dlogits, const float* dloss, RowLossInputs in) {
  const Group group;
  if (group.row() >= in.rows) return;
  const auto row = in.row<Loss>(group);
  const float cotangent = dloss[group.row()];
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads)
    dlogits[group.row() * in.classes + j] = row.gradient(j, cotangent);
}

template <class Loss>
void row_loss_forward(const Cuda& cuda, View<float> loss, const RowLossInputs& in) {
  with_row_group(in.classes, [&]<class Group>(Group) {
    launch_rows<Group>(cuda, row_loss_kernel<Loss, Group>, in.rows, loss.data, in);
  });
}

template <class Loss>
void row_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss, const RowLossInputs& in) {
  with_row_group(in.classes, [&]<class Group>(Group) {
    launch_rows<Group>(cuda, row_loss_gradient_kernel<Loss, Group>, in.rows, dlogits.data, dloss.data, in);
  });
}

}  // namespace kelvin
