// One warp a row up to 1024 classes, one block a row above. The row is read four times, from the cache after the first.
#include "kernels/losses/dlr_loss.h"
#include "kernels/losses/targeted_dlr_loss.h"
#include "kernels/simt/best_index.h"
#include "kernels/simt/row_loss.h"

namespace kelvin {
namespace {

struct TargetedDlr {
  std::int32_t label, target;
  BestIndex first, second, third, fourth;
  float denominator, loss;

  template <class Group>
  __device__ TargetedDlr(const Group& group, const float* z, std::int64_t classes, std::int32_t y, std::int32_t t)
      : label(y),
        target(t),
        first(best_index(group, z, classes, -1)),
        second(best_index(group, z, classes, first.index)),
        third(best_index(group, z, classes, first.index, second.index)),
        fourth(best_index(group, z, classes, first.index, second.index, third.index)),
        denominator(first.value - 0.5f * (third.value + fourth.value) + kDlrEpsilon),
        loss((z[target] - z[label]) / denominator) {}
  __device__ float gradient(std::int64_t j, float dloss) const {
    const float slope = dloss / denominator;
    return (j == target ? slope : 0.0f) - (j == label ? slope : 0.0f) - (j == first.index ? slope * loss : 0.0f) +
           (j == third.index || j == fourth.index ? 0.5f * slope * loss : 0.0f);
  }
};

}  // namespace

void targeted_dlr_loss_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                               View<const std::int32_t> labels, View<const std::int32_t> targets) {
  row_loss_forward<TargetedDlr>(cuda, loss, {logits, labels, targets});
}

void targeted_dlr_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss,
                                View<const float> logits, View<const std::int32_t> labels,
                                View<const std::int32_t> targets) {
  row_loss_backward<TargetedDlr>(cuda, dlogits, dloss, {logits, labels, targets});
}

}  // namespace kelvin
