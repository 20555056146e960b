#include "models/layers.h"

#include <cmath>

#include "engine/tape.h"
#include "models/frozen_weights.h"

namespace kelvin {

BatchNormTensors BatchNorm::tensors() const {
  return {gamma->value, beta->value, running_mean->value, running_variance->value};
}

const Parameter& declare_filter(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out,
                                std::int64_t kernel) {
  const float deviation = std::sqrt(2.0f / static_cast<float>(kernel * kernel * out));
  return parameters.add({name + ".weight", {out, kernel, kernel, in}, {Init::Kind::normal, 0.0f, deviation}});
}

BatchNorm declare_norm(Parameters& parameters, const std::string& name, std::int64_t channels) {
  BatchNorm norm;
  norm.gamma = &parameters.add({name + ".weight", {channels}, constant_init(1)});
  norm.beta = &parameters.add({name + ".bias", {channels}, constant_init(0)});
  norm.running_mean = &parameters.add_buffer({name + ".running_mean", {channels}, constant_init(0)});
  norm.running_variance = &parameters.add_buffer({name + ".running_var", {channels}, constant_init(1)});
  return norm;
}

ConvNorm declare_conv_norm(Parameters& parameters, const ConvNormSpec& s) {
  ConvNorm layer;
  layer.weight = &declare_filter(parameters, s.conv_name, s.in, s.out, s.kernel);
  layer.norm = declare_norm(parameters, s.norm_name, s.out);
  layer.options = {.stride = s.stride, .pad = s.kernel / 2};
  return layer;
}

Tensor apply(const ConvNorm& layer, const Tensor& x, const Tensor& residual, bool relu, Mode mode) {
  const BatchNormTensors norm = layer.norm.tensors();
  if (mode != Mode::eval)
    return batch_norm_train(conv2d(x, layer.weight->value, layer.options), norm, residual, relu,
                            mode == Mode::train_over_ranks);
  if (Tape::is_tracked(norm.gamma) || Tape::is_tracked(norm.beta) || Tape::is_tracked(layer.weight->value))
    return batch_norm_eval(conv2d(x, layer.weight->value, layer.options), norm, residual, relu);
  const FoldedFilter folded = FrozenWeights::folded(layer, x.dtype());
  return conv2d_fused(x, folded.w, folded.bias, residual, relu, layer.options);
}

Tensor apply(const BatchNorm& norm, const Tensor& x, bool relu, Mode mode) {
  return mode == Mode::eval ? batch_norm_eval(x, norm.tensors(), {}, relu)
                            : batch_norm_train(x, norm.tensors(), {}, relu, mode == Mode::train_over_ranks);
}

}  // namespace kelvin
