#include "models/layers.h"

#include <cmath>

#include "engine/ops/batch_norm.h"
#include "engine/tape.h"
#include "models/frozen_weights.h"

namespace kelvin {
namespace {

Init kaiming_normal_fan_out(std::int64_t kernel, std::int64_t out) {
  return {Init::Kind::normal, 0.0f, std::sqrt(2.0f / static_cast<float>(kernel * kernel * out))};
}

}  // namespace

ConvNorm declare_conv_norm(Parameters& parameters, const ConvNormSpec& s) {
  ConvNorm layer;
  layer.weight = &parameters.add(
      {s.conv_name + ".weight", {s.out, s.kernel, s.kernel, s.in}, kaiming_normal_fan_out(s.kernel, s.out)});
  layer.gamma = &parameters.add({s.norm_name + ".weight", {s.out}, constant_init(1)});
  layer.beta = &parameters.add({s.norm_name + ".bias", {s.out}, constant_init(0)});
  layer.running_mean = &parameters.add_buffer({s.norm_name + ".running_mean", {s.out}, constant_init(0)});
  layer.running_variance = &parameters.add_buffer({s.norm_name + ".running_var", {s.out}, constant_init(1)});
  layer.options = {.stride = s.stride, .pad = s.kernel / 2};
  return layer;
}

Tensor apply(const ConvNorm& layer, const Tensor& x, const Tensor& residual, bool relu, Mode mode) {
  const BatchNormTensors norm{layer.gamma->value, layer.beta->value, layer.running_mean->value,
                              layer.running_variance->value};
  if (mode != Mode::eval)
    return batch_norm_train(conv2d(x, layer.weight->value, layer.options), norm, residual, relu,
                            mode == Mode::train_over_ranks);
  if (Tape::is_tracked(norm.gamma) || Tape::is_tracked(norm.beta) || Tape::is_tracked(layer.weight->value))
    return batch_norm_eval(conv2d(x, layer.weight->value, layer.options), norm, residual, relu);
  const FoldedFilter folded = FrozenWeights::folded(layer, x.dtype());
  return conv2d_fused(x, folded.w, folded.bias, residual, relu, layer.options);
}

}  // namespace kelvin
