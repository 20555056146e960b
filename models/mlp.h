// A multilayer perceptron: images flattened, two hidden layers of 256 units with ReLU (the network of the synthetic
// experiments: the mechanism of τ alone, no convolution, no BatchNorm). Parameter names: fc1, fc2, fc.
#pragma once

#include "models/model.h"

namespace kelvin {

class Mlp final : public Model {
 public:
  explicit Mlp(ModelSpec spec);
  [[nodiscard]] Tensor features(const Tensor& images, Mode mode) override;

 private:
  struct Dense {
    const Parameter *weight, *bias;
  };
  [[nodiscard]] Dense declare_dense(const std::string& name, std::int64_t in, std::int64_t out);
  Dense first_, second_;
};

}  // namespace kelvin
