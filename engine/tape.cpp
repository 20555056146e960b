#include "engine/tape.h"

#include <algorithm>
#include <utility>

#include "engine/parameters.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/device/side_stream.h"
#include "kernels/layers/relu.h"
#include "kernels/optimizers/accumulate_many.h"

namespace kelvin {
namespace {

thread_local Tape* innermost = nullptr;

void accumulate_into(const Tensor& sum, const Tensor& g) {
  KELVIN_CHECK(sum.size() == g.size(), "gradient of shape ", g.shape(), " for ", sum.shape());
  dispatch_float(g.dtype(), [&]<class T>(Type<T>) {
    dispatch_float(sum.dtype(), [&]<class S>(Type<S>) {
      on(sum.device(), [&](const auto& dev) { accumulate(dev, sum.view<S>(), g.view<const T>()); });
    });
  });
}

// dy·1[y > 0], in dy's memory where nobody else holds it
Tensor masked(const Tensor& dy, const Tensor& y) {
  const Tensor g = dy.is_sole_owner() ? dy : Tensor::empty_like(dy), gate = y.to(dy.dtype());
  dispatch_float(dy.dtype(), [&]<class T>(Type<T>) {
    on(dy.device(),
       [&](const auto& dev) { relu_backward(dev, g.view<T>(), dy.view<const T>(), gate.view<const T>()); });
  });
  return g;
}

}  // namespace

Tape::Tape(const std::vector<Tensor>& watch_list) : outer_(std::exchange(innermost, this)) {
  for (const Tensor& t : watch_list) watch(t);
}

Tape::Tape(const Parameters& parameters, ParameterGradients mode) : outer_(std::exchange(innermost, this)) {
  for (const Parameter& p : parameters) watch(p, mode);
}

Tape::Tape(const std::vector<const Parameter*>& parameters, ParameterGradients mode)
    : outer_(std::exchange(innermost, this)) {
  for (const Parameter* p : parameters) watch(*p, mode);
}

Tape::~Tape() { innermost = outer_; }

TapePause::TapePause() : paused_(std::exchange(innermost, nullptr)) {}

TapePause::~TapePause() { innermost = paused_; }

void Tape::watch(const Tensor& t) {
  const bool is_new = slot_of_id_.emplace(t.id(), static_cast<int>(slots_.size())).second;
  KELVIN_CHECK(is_new, "a tensor of shape ", t.shape(), " watched twice");
  slots_.push_back(
      {.shape = t.shape(), .dtype = t.dtype(), .device = t.device(), .gradient = {}, .is_watched = true, .mask = {}});
}

void Tape::watch(const Parameter& p, ParameterGradients mode) {
  watch(p.value);
  Slot& s = slots_.back();
  s.gradient = p.gradient;
  s.is_open = mode == ParameterGradients::replace;
  s.parameter = &p;
}

int Tape::slot_of(const Tensor& t) const {
  const auto found = slot_of_id_.find(t.id());
  return found == slot_of_id_.end() ? -1 : found->second;
}

bool Tape::is_tracked(const Tensor& t) { return innermost != nullptr && t && innermost->slot_of(t) >= 0; }

Tensor Tape::rounded(const Tensor& w, DType dtype) {
  if (w.dtype() == dtype || w.device().kind != DeviceKind::cuda || !is_tracked(w)) return w.to(dtype);
  const Parameter* const p = innermost->slots_[static_cast<std::size_t>(innermost->slot_of(w))].parameter;
  if (p == nullptr) return w.to(dtype);
  Tensor& all = innermost->rounded_[p->owner];
  if (!all) {
    const auto is_of_model = [&](const Slot& s) { return s.parameter != nullptr && s.parameter->owner == p->owner; };
    const auto watched = std::count_if(innermost->slots_.begin(), innermost->slots_.end(), is_of_model);
    if (static_cast<std::size_t>(watched) < p->owner->size()) return w.to(dtype);
    all = p->owner->values().to(dtype);
  }
  return all.narrow(p->offset, w.size()).reshape(w.shape());
}

Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward, RecordOptions options) {
  Tape* const tape = innermost;
  if (tape == nullptr) return y;
  std::vector<int> slots;
  for (const Tensor& x : inputs) slots.push_back(x ? tape->slot_of(x) : -1);
  if (std::all_of(slots.begin(), slots.end(), [](int s) { return s < 0; })) return y;

  const int output = static_cast<int>(tape->slots_.size());
  for (const int s : slots)
    if (s >= 0) ++tape->slots_[static_cast<std::size_t>(s)].uses;
  tape->slots_.push_back({.shape = y.shape(),
                          .dtype = y.dtype(),
                          .device = y.device(),
                          .gradient = {},
                          .mask = options.rectified ? y : Tensor()});
  const bool is_new = tape->slot_of_id_.emplace(y.id(), output).second;
  KELVIN_CHECK(is_new, op, " returned a tensor that the tape already follows");
  tape->steps_.push_back({op, output, std::move(slots), std::move(backward)});
  return y;
}

void Grads::add(int i, Tensor g) {
  if (wants(i)) tape_.add_gradient(slots_[static_cast<std::size_t>(i)], std::move(g));
}

void Grads::add_by(int i, const Shape& shape, DType dtype, const Write& write) {
  if (!wants(i)) return;
  const int slot = slots_[static_cast<std::size_t>(i)];
  Tape::Slot& s = tape_.slots_[static_cast<std::size_t>(slot)];
  const bool adds = s.gradient && s.parameter == nullptr && s.gradient.dtype() == dtype && s.gradient.is_sole_owner();
  // Last: no step is left that uses the input, and this one does so once. What cannot be added to here is not masked here either.
  const bool is_last = s.uses == 0 && std::count(slots_.begin(), slots_.end(), slot) == 1 && (adds || !s.gradient);
  Tensor mask;
  if (is_last && s.mask && s.dtype == dtype) mask = std::exchange(s.mask, {}).reshape(shape);
  const Tensor dx = adds ? s.gradient.reshape(shape) : Tensor::empty(shape, dtype, s.device);
  write(dx, adds, mask);
  if (!adds) tape_.add_gradient(slot, dx);
}

Tensor Grads::room_for(int i, const Tensor& input) {
  if (wants(i)) {
    Tape::Slot& s = tape_.slots_[static_cast<std::size_t>(slots_[static_cast<std::size_t>(i)])];
    if (std::exchange(s.is_open, false)) return s.gradient.reshape(input.shape());
  }
  return Tensor::empty(input.shape(), DType::f32, input.device());
}

void Grads::add_beside(int i, const Tensor& input, std::vector<Tensor> reads, const WriteBeside& write) {
  if (!wants(i)) return;
  const Tensor room = room_for(i, input);
  const Tensor& whole = tape_.slots_[static_cast<std::size_t>(slots_[static_cast<std::size_t>(i)])].gradient;
  const bool is_added = !whole || room.id() != whole.id();  // to what is there, at once
  if (is_added) {
    write(input.device(), room);
  } else {
    tape_.join_beside();  // one at a time: what the one before reads can go
    const Device beside = on(input.device(), [](const auto& dev) { return fork_side(dev); });
    write(beside, room);
    if (beside != input.device()) tape_.beside_ = std::move(reads);
  }
  add(i, room);
}

void Tape::join_beside() {
  if (beside_.empty()) return;
  on(beside_.front().device(), [](const auto& dev) { join_side(dev); });
  beside_.clear();
}

void Tape::add_gradient(int slot, Tensor g) {
  Slot& s = slots_[static_cast<std::size_t>(slot)];
  KELVIN_CHECK(g.size() == s.shape.size(), "gradient of shape ", g.shape(), " for a tensor of shape ", s.shape);
  if (!s.gradient) {
    s.gradient = std::move(g);
    return;
  }
  if (s.parameter != nullptr && g.id() == s.gradient.id()) return;  // written in place
  if (std::exchange(s.is_open, false)) {
    s.gradient.copy_from(g.to(DType::f32).reshape(s.shape));
    return;
  }
  // Where an addition costs a launch, small ones wait for each other.
  const bool is_small = g.dtype() == DType::f32 && g.size() <= kSmallAddition;
  if (s.parameter != nullptr && is_small && s.device.kind == DeviceKind::cuda) {
    const auto is_same = [&](const auto& other) { return other.first == slot; };
    if (std::any_of(gathered_.begin(), gathered_.end(), is_same)) add_gathered();
    gathered_.emplace_back(slot, std::move(g));
    return;
  }
  // The same gradient may have been handed to two inputs; only a sole owner may be added into.
  if (s.parameter == nullptr && !s.gradient.is_sole_owner()) s.gradient = s.gradient.clone();
  if (s.parameter != nullptr) join_beside();
  accumulate_into(s.gradient, g);
}

void Tape::add_gathered() {
  join_beside();
  if (gathered_.empty()) return;
  std::vector<Addition> additions;
  for (const auto& [slot, g] : gathered_) {
    const Tensor& sum = slots_[static_cast<std::size_t>(slot)].gradient;
    additions.push_back({sum.reshape({sum.size()}).view<float>(), g.reshape({g.size()}).view<const float>()});
  }
  on(gathered_.front().second.device(), [&](const auto& dev) { accumulate_many(dev, additions); });
  gathered_.clear();
}

// Nothing led to these.
void Tape::clear_open() {
  for (Slot& s : slots_)
    if (std::exchange(s.is_open, false))
      on(s.device, [&](const auto& dev) { fill(dev, s.gradient.view<float>(), 0.0f); });
}

void Tape::backward(const Tensor& y) {
  KELVIN_CHECK(y.size() == 1, "backward from shape ", y.shape(), " needs a gradient to start with");
  backward(y, Tensor::full(y.shape(), 1.0f, y.dtype(), y.device()));
}

void Tape::backward(const Tensor& y, const Tensor& dy) {
  const int start = slot_of(y);
  if (start >= 0) add_gradient(start, dy);
  Tape* const previous = std::exchange(innermost, nullptr);  // what runs inside a backward is not recorded
  while (!steps_.empty()) {
    Step step = std::move(steps_.back());
    steps_.pop_back();
    for (const int s : step.inputs)
      if (s >= 0) --slots_[static_cast<std::size_t>(s)].uses;
    Slot& out = slots_[static_cast<std::size_t>(step.output)];
    Tensor g = std::exchange(out.gradient, {});
    const Tensor mask = std::exchange(out.mask, {});
    if (!g) continue;
    if (mask) g = masked(g, mask);
    Grads grads(*this, step.inputs);
    step.backward(g.reshape(out.shape), grads);
  }
  add_gathered();
  clear_open();
  innermost = previous;
}

Tensor Tape::gradient(const Tensor& watched) const {
  const int slot = slot_of(watched);
  KELVIN_CHECK(slot >= 0 && slots_[static_cast<std::size_t>(slot)].is_watched, "gradient of a tensor nobody watches");
  const Slot& s = slots_[static_cast<std::size_t>(slot)];
  return s.gradient ? s.gradient.reshape(s.shape) : Tensor::zeros(s.shape, s.dtype, s.device);
}

}  // namespace kelvin
