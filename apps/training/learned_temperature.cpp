#include "apps/training/learned_temperature.h"

#include <cmath>

namespace kelvin {
namespace {

constexpr const char* kLogTau = "temperature.log_tau";

// A function, because the optimizer needs complete parameters and a member initialiser cannot hold statements.
const Parameters& declare(Parameters& parameters, double start, Device device) {
  parameters.add({kLogTau, {1}, constant_init(static_cast<float>(std::log(start))), /*weight_decay=*/false});
  parameters.allocate(device, /*seed=*/0);
  return parameters;
}

OptimizerOptions without_decay(OptimizerOptions options) {
  options.weight_decay = 0;
  return options;
}

}  // namespace

LearnedTemperature::LearnedTemperature(double start, OptimizerOptions options, Device device)
    : optimizer_(declare(parameters_, start, device), without_decay(options)) {}

double LearnedTemperature::value() const { return std::exp(static_cast<double>(log_tau().value.item())); }

std::map<std::string, Tensor> LearnedTemperature::state() const {
  std::map<std::string, Tensor> all = {{kLogTau, log_tau().value}};
  for (const auto& [name, tensor] : optimizer_.state()) all["temperature." + name] = tensor;
  return all;
}

}  // namespace kelvin
