#include "models/frozen_weights.h"

namespace kelvin {
namespace {

thread_local FrozenWeights* in_use = nullptr;

FoldedFilter fold_layer(const ConvNorm& layer, DType dtype) {
  // The CPU's convolutions take float32 filters and bring them into a layout of their own at every call.
  return fold(layer.weight->value, layer.norm.tensors(),
              layer.weight->value.device().kind == DeviceKind::cpu ? DType::f32 : dtype);
}

}  // namespace

FrozenWeights::Use::Use(FrozenWeights& frozen) : before_(std::exchange(in_use, &frozen)) {}

FrozenWeights::Use::~Use() { in_use = before_; }

FoldedFilter FrozenWeights::folded(const ConvNorm& layer, DType dtype) {
  if (in_use == nullptr) return fold_layer(layer, dtype);
  const std::pair key{layer.weight, dtype};
  const auto found = in_use->kept_.find(key);
  if (found != in_use->kept_.end()) return found->second.filter;
  return in_use->kept_.emplace(key, Kept{layer, fold_layer(layer, dtype)}).first->second.filter;
}

void FrozenWeights::refresh() {
  for (auto& [key, kept] : kept_) {
    const FoldedFilter now = fold_layer(kept.layer, key.second);
    kept.filter.w.copy_from(now.w);
    kept.filter.bias.copy_from(now.bias);
  }
}

}  // namespace kelvin
