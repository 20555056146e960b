// Residual networks (He et al. 2016, 1512.03385) for small images, with basic blocks.
//
//   resnet8, resnet20   the paper's CIFAR family: 3x3 stem, three stages of 16, 32, 64 channels, n = 1 or 3 blocks each
//   resnet18            3x3 stem, four stages of 64, 128, 256, 512 channels, two blocks each (the common CIFAR form)
//
// Stages after the first start with stride 2; where the shape changes the shortcut is a 1x1 convolution with BatchNorm.
// Global average pooling gives f(x). Parameter names are torchvision's: conv1, bn1, layer{1..}.{i}.{conv1,bn1,conv2,bn2},
// layer*.0.downsample.{0,1}, fc.
#pragma once

#include <vector>

#include "models/layers.h"
#include "models/model.h"

namespace kelvin {

struct ResNetLayout {
  std::vector<int> widths;  // channels of each stage
  int blocks = 1;           // basic blocks a stage
};

class ResNet final : public Model {
 public:
  ResNet(ModelSpec spec, const ResNetLayout& layout);
  [[nodiscard]] Tensor features(const Tensor& images, Mode mode) override;

 private:
  struct Block {
    ConvNorm first, second, shortcut;
    bool has_projection = false;
  };
  [[nodiscard]] static Tensor apply_block(const Block& block, const Tensor& x, Mode mode);

  ConvNorm stem_;
  std::vector<Block> blocks_;
};

}  // namespace kelvin
