#include "engine/weight_average.h"

#include <algorithm>

#include "kernels/optimizers/ema_step.h"

namespace kelvin {

WeightAverage::WeightAverage(const Parameters& parameters, double decay)
    : parameters_(parameters),
      decay_(static_cast<float>(decay)),
      values_(parameters.values().clone()),
      buffers_(parameters.buffer_values().clone()),
      spare_(Tensor::empty({std::max(values_.size(), buffers_.size())}, DType::f32, values_.device())) {
  KELVIN_CHECK(decay >= 0 && decay < 1, "decay ", decay, ", expected 0 <= decay < 1");
}

void WeightAverage::update() {
  on(values_.device(), [&](const auto& dev) {
    ema_step(dev, values_.view<float>(), parameters_.values().view<const float>(), decay_);
    if (buffers_.size() > 0)
      ema_step(dev, buffers_.view<float>(), parameters_.buffer_values().view<const float>(), decay_);
  });
}

void WeightAverage::restart() {
  values_.copy_from(parameters_.values());
  if (buffers_.size() > 0) buffers_.copy_from(parameters_.buffer_values());
}

void WeightAverage::exchange() {
  for (const auto& [mine, models] :
       {std::pair(values_, parameters_.values()), std::pair(buffers_, parameters_.buffer_values())}) {
    if (mine.size() == 0) continue;
    const Tensor spare = spare_.narrow(0, mine.size());
    spare.copy_from(mine);
    mine.copy_from(models);
    models.copy_from(spare);
  }
}

NamedTensors WeightAverage::state() const {
  NamedTensors named;
  const auto put = [&](const Parameter& p, const Tensor& flat, std::int64_t at) {
    named[kAveragePrefix + p.spec.name] = flat.narrow(at, p.value.size()).reshape(p.value.shape());
  };
  for (const Parameter& p : parameters_) put(p, values_, p.offset);
  for (const Parameter& b : parameters_.buffers()) put(b, buffers_, b.offset);
  return named;
}

bool has_average(const SafetensorsFile& file) {
  const auto first = file.tensors.lower_bound(kAveragePrefix);
  return first != file.tensors.end() && first->first.starts_with(kAveragePrefix);
}

SafetensorsFile average_of(SafetensorsFile&& file) {
  const std::string prefix = kAveragePrefix;
  std::map<std::string, SafetensorsEntry> renamed;
  for (const auto& [name, entry] : file.tensors)
    if (name.starts_with(prefix)) renamed[name.substr(prefix.size())] = entry;
  file.tensors = std::move(renamed);
  return std::move(file);
}

}  // namespace kelvin
