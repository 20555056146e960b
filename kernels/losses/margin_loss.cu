// One warp a row up to 1024 classes, one block a row above; the row is read once.
#include "kernels/losses/margin_loss.h"
#include "kernels/simt/best_index.h"
#include "kernels/simt/row_loss.h"

namespace kelvin {
namespace {

struct Margin {
  std::int32_t label;
  BestIndex other;
  float loss;

  template <class Group>
  __device__ Margin(const Group& group, const float* z, std::int64_t classes, std::int32_t y, std::int32_t /*target*/)
      : label(y), other(best_index(group, z, classes, label)), loss(other.value - z[label]) {}
  __device__ float gradient(std::int64_t j, float dloss) const {
    return j == other.index ? dloss : j == label ? -dloss : 0.0f;
  }
};

}  // namespace

template <>
void margin_loss_forward(const Cuda& cuda, View<float> loss, View<const float> logits,
                         View<const std::int32_t> labels) {
  row_loss_forward<Margin>(cuda, loss, {logits, labels});
}

template <>
void margin_loss_backward(const Cuda& cuda, View<float> dlogits, View<const float> dloss, View<const float> logits,
                          View<const std::int32_t> labels) {
  row_loss_backward<Margin>(cuda, dlogits, dloss, {logits, labels});
}

}  // namespace kelvin
