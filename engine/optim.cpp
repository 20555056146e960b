#include "engine/optim.h"

#include "kernels/arrays/elementwise.h"
#include "kernels/optimizers/adam_step.h"
#include "kernels/optimizers/sgd_step.h"

namespace kelvin {
namespace {

constexpr const char* kMomentum = "optimizer.momentum";
constexpr const char* kFirstMoment = "optimizer.exp_avg";
constexpr const char* kSecondMoment = "optimizer.exp_avg_sq";
constexpr const char* kStep = "optimizer.step";

}  // namespace

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options, const LrScale& lr_scale)
    : parameters_(parameters), options_(options) {
  const Tensor& values = parameters.values();
  const auto zeros = [&] { return Tensor::zeros(values.shape(), DType::f32, values.device()); };
  if (options.kind == OptimizerOptions::Kind::sgd) {
    state_[kMomentum] = zeros();
  } else {
    state_[kFirstMoment] = zeros();
    state_[kSecondMoment] = zeros();
    state_[kStep] = Tensor::zeros({1}, DType::f32, values.device());
  }
  for (const bool decays : {true, false})  // the order of the flat buffers
    for (const Parameter& p : parameters)
      if (p.spec.weight_decay == decays)
        add_range(
            {p.offset, p.offset + p.value.size(), decays ? options.weight_decay : 0.0f, lr_scale ? lr_scale(p) : 1.0f});
}

// Neighbours of one kind become one range; the gap between them is zero and stays zero.
void Optimizer::add_range(const Range& range) {
  if (range.lr_scale == 0) return;
  Range* const last = ranges_.empty() ? nullptr : &ranges_.back();
  const bool is_neighbour = last != nullptr && range.begin - last->end < kParameterAlignment;
  if (is_neighbour && last->weight_decay == range.weight_decay && last->lr_scale == range.lr_scale)
    last->end = range.end;
  else
    ranges_.push_back(range);
}

void Optimizer::step(const Tensor& lr) {
  if (options_.kind != OptimizerOptions::Kind::sgd)
    on(lr.device(), [&](const auto& dev) { increment(dev, state_[kStep].view<float>()); });
  for (const Range& range : ranges_) step_range(range, lr);
}

void Optimizer::step_range(const Range& range, const Tensor& lr) {
  const auto slice = [&](const Tensor& flat) {
    return flat.narrow(range.begin, range.end - range.begin).view<float>();
  };
  const OptimizerOptions& o = options_;
  on(lr.device(), [&](const auto& dev) {
    const View<float> w = slice(parameters_.values()), g = slice(parameters_.gradients());
    if (o.kind == OptimizerOptions::Kind::sgd) {
      sgd_step(dev, w, slice(state_[kMomentum]), g, lr.view<const float>(),
               {.momentum = o.momentum,
                .weight_decay = range.weight_decay,
                .nesterov = o.nesterov,
                .lr_scale = range.lr_scale});
    } else {
      adam_step(dev, w, slice(state_[kFirstMoment]), slice(state_[kSecondMoment]), g, lr.view<const float>(),
                state_[kStep].view<const float>(),
                {.beta1 = o.beta1,
                 .beta2 = o.beta2,
                 .eps = o.eps,
                 .weight_decay = range.weight_decay,
                 .decoupled = o.kind == OptimizerOptions::Kind::adamw,
                 .lr_scale = range.lr_scale});
    }
  });
}

}  // namespace kelvin
