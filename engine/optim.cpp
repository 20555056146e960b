#include "engine/optim.h"

#include "kernels/adam_step.h"
#include "kernels/elementwise.h"
#include "kernels/sgd_step.h"

namespace kelvin {
namespace {

constexpr const char* kMomentum = "optimizer.momentum";
constexpr const char* kFirstMoment = "optimizer.exp_avg";
constexpr const char* kSecondMoment = "optimizer.exp_avg_sq";
constexpr const char* kStep = "optimizer.step";

}  // namespace

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options)
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
}

void Optimizer::step(const Tensor& lr) {
  if (options_.kind != OptimizerOptions::Kind::sgd)
    on(lr.device(), [&](const auto& dev) { increment(dev, state_[kStep].view<float>()); });
  step_range(0, parameters_.decayed(), options_.weight_decay, lr);
  step_range(parameters_.decayed(), parameters_.values().size(), 0.0f, lr);
}

void Optimizer::step_range(std::int64_t begin, std::int64_t end, float weight_decay, const Tensor& lr) {
  if (begin == end) return;
  const auto slice = [&](const Tensor& flat) { return flat.narrow(begin, end - begin).view<float>(); };
  const OptimizerOptions& o = options_;
  on(lr.device(), [&](const auto& dev) {
    const View<float> w = slice(parameters_.values()), g = slice(parameters_.gradients());
    if (o.kind == OptimizerOptions::Kind::sgd) {
      sgd_step(dev, w, slice(state_[kMomentum]), g, lr.view<const float>(),
               {.momentum = o.momentum, .weight_decay = weight_decay, .nesterov = o.nesterov});
    } else {
      adam_step(dev, w, slice(state_[kFirstMoment]), slice(state_[kSecondMoment]), g, lr.view<const float>(),
                state_[kStep].view<const float>(),
                {.beta1 = o.beta1,
                 .beta2 = o.beta2,
                 .eps = o.eps,
                 .weight_decay = weight_decay,
                 .decoupled = o.kind == OptimizerOptions::Kind::adamw});
    }
  });
}

OptimizerOptions::Kind optimizer_of(const std::string& name) {
  if (name == "sgd") return OptimizerOptions::Kind::sgd;
  if (name == "adam") return OptimizerOptions::Kind::adam;
  if (name == "adamw") return OptimizerOptions::Kind::adamw;
  throw mistake("--optimizer ", name, " is unknown; known: sgd, adam, adamw");
}

}  // namespace kelvin
