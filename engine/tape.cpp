#include "engine/tape.h"

#include <algorithm>
#include <utility>

namespace kelvin {
namespace {

thread_local Tape* innermost_tape = nullptr;

std::vector<const Parameter*> all_of(const Parameters& parameters) {
  std::vector<const Parameter*> all;
  for (const Parameter& p : parameters) all.push_back(&p);
  return all;
}

}  // namespace

Tape::Tape(const std::vector<Tensor>& watch_list) : outer_(std::exchange(innermost_tape, this)) {
  for (const Tensor& t : watch_list) watch(t, GradientKind::watched);
}

Tape::Tape(const Parameters& parameters, ParameterGradients mode) : Tape(all_of(parameters), mode) {}

Tape::Tape(const std::vector<const Parameter*>& parameters, ParameterGradients mode)
    : outer_(std::exchange(innermost_tape, this)) {
  if (!parameters.empty()) rounded_.emplace(*parameters.front()->owner);
  const auto kind = mode == ParameterGradients::replace ? GradientKind::replaced : GradientKind::parameter;
  for (const Parameter* p : parameters) watch(p->value, kind, p->gradient);
}

Tape::~Tape() { innermost_tape = outer_; }

TapePause::TapePause() : paused_(std::exchange(innermost_tape, nullptr)) {}

TapePause::~TapePause() { innermost_tape = paused_; }

void Tape::watch(const Tensor& t, GradientKind kind, const Tensor& gradient) {
  const bool is_new = slot_of_id_.emplace(t.id(), static_cast<int>(slots_.size())).second;
  KELVIN_CHECK(is_new, "a tensor of shape ", t.shape(), " watched twice");
  slots_.push_back({t.shape(), t.dtype(), t.device(), kind, gradient});
}

int Tape::slot_of(const Tensor& t) const {
  const auto found = slot_of_id_.find(t.id());
  return found == slot_of_id_.end() ? -1 : found->second;
}

bool Tape::is_tracked(const Tensor& t) { return innermost_tape != nullptr && t && innermost_tape->slot_of(t) >= 0; }

Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward) {
  Tape* const tape = innermost_tape;
  if (tape == nullptr) return y;
  std::vector<int> slots;
  for (const Tensor& x : inputs) slots.push_back(x ? tape->slot_of(x) : -1);
  if (std::all_of(slots.begin(), slots.end(), [](int s) { return s < 0; })) return y;
  KELVIN_CHECK(!Tape::is_tracked(y), op, " returned a tensor that the tape already follows");
  tape->watch(y, GradientKind::passing);
  tape->steps_.push_back({tape->slot_of(y), std::move(slots), std::move(backward)});
  return y;
}

void Tape::backward(const Tensor& y) {
  KELVIN_CHECK(y.size() == 1, "backward from shape ", y.shape(), " needs a gradient to start with");
  backward(y, Tensor::full(y.shape(), 1.0f, y.dtype(), y.device()));
}

void Tape::backward(const Tensor& y, const Tensor& dy, const TellFinal& tell) {
  const int start = slot_of(y);
  if (start >= 0) slots_[static_cast<std::size_t>(start)].add(dy, batch_);
  const TapePause pause;  // what runs inside a backward is not recorded
  FinalGradients final_gradients(slots_, batch_, tell);
  for (const Step& step : steps_) final_gradients.expect(step.inputs);
  while (!steps_.empty()) {
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    GradientSlot& output = slots_[static_cast<std::size_t>(step.output)];
    Tensor g = std::exchange(output.gradient, {});
    if (g) {
      g = g.reshape(output.shape);
      Grads grads(slots_, batch_, step.inputs);
      step.backward(g, grads);
    }
    final_gradients.walked(step.inputs);
  }
  batch_.finish();
  for (GradientSlot& slot : slots_) slot.finish();
}

Tensor Tape::gradient(const Tensor& watched) const {
  const int slot = slot_of(watched);
  KELVIN_CHECK(slot >= 0 && slots_[static_cast<std::size_t>(slot)].kind != GradientKind::passing,
               "gradient of a tensor nobody watches");
  const GradientSlot& s = slots_[static_cast<std::size_t>(slot)];
  return s.gradient ? s.gradient.reshape(s.shape) : Tensor::zeros(s.shape, s.dtype, s.device);
}

}  // namespace kelvin
