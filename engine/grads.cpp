#include "engine/grads.h"

#include <utility>

namespace kelvin {

void Grads::add(int i, const Tensor& g) {
  if (wants(i)) slot(i).add(g, batch_);
}

Tensor Grads::room(int i, const Tensor& input) {
  return wants(i) ? slot(i).room().reshape(input.shape()) : Tensor::empty(input.shape(), DType::f32, input.device());
}

Tensor Grads::sum_so_far(int i, DType dtype) const { return wants(i) ? slot(i).sum_so_far(dtype) : Tensor(); }

Device Grads::beside(int i, const Tensor& room, std::vector<Tensor> reads) {
  const bool is_own = wants(i) && slot(i).gradient && slot(i).gradient.id() == room.id();
  return is_own ? batch_.beside(room.device(), std::move(reads)) : room.device();
}

}  // namespace kelvin
