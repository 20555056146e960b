#include "apps/training/weight_perturbation.h"

#include "kernels/arrays/elementwise.h"
#include "kernels/attacks/weight_perturbation.h"

namespace kelvin {

WeightPerturbation::WeightPerturbation(const Parameters& parameters, double gamma)
    : parameters_(parameters), gamma_(static_cast<float>(gamma)) {
  if (gamma <= 0) return;
  for (const Parameter& p : parameters)
    if (p.value.shape().rank() >= 2 && p.spec.name.find("weight") != std::string::npos)
      weights_.push_back({&p, Tensor::empty_like(p.value)});
  if (!parameters.buffers().empty()) statistics_ = parameters.buffer_values().clone();
}

void WeightPerturbation::keep_statistics() const {
  if (statistics_) statistics_.copy_from(parameters_.buffer_values());
}

void WeightPerturbation::perturb() const {
  if (statistics_) parameters_.buffer_values().copy_from(statistics_);
  for (const Perturbed& w : weights_)
    on(w.undo.device(), [&](const auto& dev) {
      perturb_weights(dev, w.parameter->value.view<float>(), w.undo.view<float>(),
                      w.parameter->gradient.view<const float>(), gamma_);
    });
}

void WeightPerturbation::restore() const {
  for (const Perturbed& w : weights_)
    on(w.undo.device(),
       [&](const auto& dev) { accumulate(dev, w.parameter->value.view<float>(), w.undo.view<const float>()); });
}

}  // namespace kelvin
