// Layers shared by the convolutional models: they declare their parameters and say how data passes through.
#pragma once

#include <cstdint>
#include <string>

#include "engine/ops/conv2d.h"
#include "engine/parameters.h"
#include "models/model.h"

namespace kelvin {

// Convolution without bias followed by BatchNorm: `<conv_name>.weight` [K, R, S, C] and `<norm_name>.{weight, bias,
// running_mean, running_var}` [K].
struct ConvNorm {
  const Parameter* weight = nullptr;
  const Parameter* gamma = nullptr;
  const Parameter* beta = nullptr;
  const Parameter* running_mean = nullptr;
  const Parameter* running_variance = nullptr;
  ConvOptions options;
};

struct ConvNormSpec {
  std::string conv_name, norm_name;
  std::int64_t in = 0, out = 0, kernel = 3, stride = 1;  // padding is kernel / 2
};

// Weights start Kaiming normal with fan-out (He et al. 2015, 1502.01852; as torchvision), γ = 1, β = 0.
[[nodiscard]] ConvNorm declare_conv_norm(Parameters& parameters, const ConvNormSpec& spec);

// relu?(norm(conv(x)) + residual). `residual` may be empty. In eval mode, when nobody asks for the gradients of the
// layer's parameters, the norm is folded into the convolution (once for
// many passes: frozen_weights.h) and the whole layer is one kernel.
[[nodiscard]] Tensor apply(const ConvNorm& layer, const Tensor& x, const Tensor& residual, bool relu, Mode mode);

}  // namespace kelvin
