#include "engine/final_gradients.h"

namespace kelvin {

FinalGradients::FinalGradients(std::vector<GradientSlot>& slots, GradientBatch& batch, const TellFinal& tell)
    : slots_(slots), batch_(batch), tell_(tell), uses_(tell ? slots.size() : 0) {}

void FinalGradients::expect(const std::vector<int>& inputs) {
  if (!tell_) return;
  for (const int slot : inputs)
    if (slot >= 0) ++uses_[static_cast<std::size_t>(slot)];
}

void FinalGradients::walked(const std::vector<int>& inputs) {
  if (!tell_) return;
  for (const int input : inputs) {
    if (input < 0 || --uses_[static_cast<std::size_t>(input)] > 0) continue;
    GradientSlot& slot = slots_[static_cast<std::size_t>(input)];
    if (slot.kind != GradientKind::parameter && slot.kind != GradientKind::replaced) continue;
    slot.finish();
    tell_(slot.gradient, batch_);
  }
}

}  // namespace kelvin
