// One warp a row up to 1024 classes, one block a row above. The row is read three times, from the cache after the first.
#include "kernels/losses/dlr_loss.h"
#include "kernels/simt/best_index.h"
#include "kernels/simt/row_loss.h"

namespace kelvin {
namespace {

struct Dlr {
  std::int32_t label;
  BestIndex first, second, third, other;
  float denominator, loss;

  template <class Group>
  __device__ Dlr(const Group& group, const float* z, std::int64_t classes, std::int32_t y, std::int32_t /*target*/)
      : label(y),
        first(best_index(group, z, classes, -1)),
        second(best_index(group, z, classes, first.index)),
        third(best_index(group, z, classes, first.index, second.index)),
        other(first.index == label ? second : first),
        denominator(first.value - third.value + kDlrEpsilon),
        loss((other.value - z[label]) / denominator) {}
  __device__ float gradient(std::int64_t j, float dloss) const {
    const float slope = dloss / denominator;
    return (j == other.index ? slope : 0.0f) - (j == label ? slope : 0.0f) - (j == first.index ? slope * loss : 0.0f) +
           (j == third.index ? slope * loss : 0.0f);
  }
};

}  // namespace

void dlr_loss_forward(const Cuda& cuda, View<float> loss, View<const float> logits, View<const std::int32_t> labels) {
  row_loss_forward<Dlr>(cuda, loss, {logits, labels});
}

void dlr_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss, View<const float> logits,
                       View<const std::int32_t> labels) {
  row_loss_backward<Dlr>(cuda, dlogits, dloss, {logits, labels});
}

}  // namespace kelvin
