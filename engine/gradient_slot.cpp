#include "engine/gradient_slot.h"

#include <utility>

#include "kernels/arrays/elementwise.h"

namespace kelvin {
namespace {

void accumulate_into(const Tensor& sum, const Tensor& g) {
  dispatch_float(g.dtype(), [&]<class T>(Type<T>) {
    on_typed(sum, [&]<class S>(const auto& dev, Type<S>) { accumulate(dev, sum.view<S>(), g.view<const T>()); });
  });
}

}  // namespace

void GradientSlot::add(Tensor g, GradientBatch& batch) {
  KELVIN_CHECK(g.size() == shape.size(), "gradient of shape ", g.shape(), " for a tensor of shape ", shape);
  if (!gradient) {
    gradient = std::move(g);
  } else if (kind == GradientKind::replaced) {
    gradient.copy_from(g.to(DType::f32).reshape(shape));
    kind = GradientKind::parameter;
  } else if (kind == GradientKind::parameter) {
    if (g.id() == gradient.id() || batch.gather(gradient, g)) return;
    batch.join();
    accumulate_into(gradient, g);
  } else {
    // The same gradient may have been handed to two inputs; only a sole owner may be added to.
    if (!gradient.is_sole_owner()) gradient = gradient.clone();
    accumulate_into(gradient, g);
  }
}

Tensor GradientSlot::room() {
  if (kind != GradientKind::replaced) return Tensor::empty(shape, DType::f32, device);
  kind = GradientKind::parameter;
  return gradient.reshape(shape);
}

Tensor GradientSlot::sum_so_far(DType type) const {
  const bool is_free = kind == GradientKind::passing || kind == GradientKind::watched;
  return is_free && gradient && gradient.dtype() == type && gradient.is_sole_owner() ? gradient : Tensor();
}

void GradientSlot::finish() {
  if (kind != GradientKind::replaced) return;
  on(device, [&](const auto& dev) { fill(dev, gradient.view<float>(), 0.0f); });
  kind = GradientKind::parameter;
}

}  // namespace kelvin
