// Layers shared by the convolutional models: they declare their parameters and say how data passes through.
#pragma once

#include <cstdint>
#include <string>

#include "engine/ops/batch_norm.h"
#include "engine/ops/conv2d.h"
#include "engine/parameters.h"
#include "models/model.h"

namespace kelvin {

// `<name>.{weight, bias, running_mean, running_var}` [K]
struct BatchNorm {
  const Parameter* gamma = nullptr;
  const Parameter* beta = nullptr;
  const Parameter* running_mean = nullptr;
  const Parameter* running_variance = nullptr;
  [[nodiscard]] BatchNormTensors tensors() const;
};

// Convolution without bias followed by BatchNorm: `<conv_name>.weight` [K, R, S, C] and the norm's four tensors.
struct ConvNorm {
  const Parameter* weight = nullptr;
  BatchNorm norm;
  ConvOptions options;
};

struct ConvNormSpec {
  std::string conv_name, norm_name;
  std::int64_t in = 0, out = 0, kernel = 3, stride = 1;  // padding is kernel / 2
};

// A filter `<name>.weight` [out, kernel, kernel, in]; it starts Kaiming normal with fan-out (He et al. 2015, 1502.01852; as torchvision).
const Parameter& declare_filter(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out,
                                std::int64_t kernel);
// γ = 1, β = 0
[[nodiscard]] BatchNorm declare_norm(Parameters& parameters, const std::string& name, std::int64_t channels);
[[nodiscard]] ConvNorm declare_conv_norm(Parameters& parameters, const ConvNormSpec& spec);

// relu?(norm(conv(x)) + residual). `residual` may be empty. In eval mode, when nobody asks for the gradients of the
// layer's parameters, the norm is folded into the convolution (once for
// many passes: frozen_weights.h) and the whole layer is one kernel.
[[nodiscard]] Tensor apply(const ConvNorm& layer, const Tensor& x, const Tensor& residual, bool relu, Mode mode);

// relu?(norm(x))
[[nodiscard]] Tensor apply(const BatchNorm& norm, const Tensor& x, bool relu, Mode mode);

}  // namespace kelvin
