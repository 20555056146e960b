// Residual networks (He et al. 2016, 1512.03385).
//
//   resnet8, resnet20     the paper's CIFAR family: three stages of 16, 32, 64 channels, 1 or 3 basic blocks each
//   resnet18, resnet34    four stages of 64, 128, 256, 512 channels, basic blocks (two 3x3 convolutions)
//   resnet50              the same stages with bottleneck blocks (1x1, 3x3, 1x1; four times as many channels out), stride in the 3x3
//                         convolution: torchvision's "v1.5"
//
// Stem: `cifar`, one 3x3 convolution with stride 1, or `imagenet`, a 7x7 convolution with stride 2 and a 3x3 max pool with stride 2.
// The CIFAR family always has the first; the others take it for images of up to 64 pixels unless the spec names one. Stages after the
// first start with stride 2; where the shape changes the shortcut is a 1x1 convolution with BatchNorm. Global average pooling gives
// f(x). Parameter names are torchvision's: conv1, bn1, layer{1..}.{i}.{conv1,bn1,...}, layer*.0.downsample.{0,1}, fc.
#pragma once

#include <vector>

#include "models/layers.h"
#include "models/model.h"

namespace kelvin {

struct ResNetLayout {
  std::vector<int> widths;       // channels of each stage's 3x3 convolutions
  std::vector<int> blocks;       // of each stage
  bool has_bottlenecks = false;  // blocks of three convolutions
  bool is_cifar_family = false;  // always the small stem
};

class ResNet final : public Model {
 public:
  ResNet(ModelSpec spec, const ResNetLayout& layout);
  [[nodiscard]] Tensor features(const Tensor& images, Mode mode) override;

 private:
  struct Block {
    std::vector<ConvNorm> path;  // the last one's output is added to the shortcut
    ConvNorm shortcut;
    bool has_projection = false;
  };
  Block declare_block(const std::string& name, std::int64_t in, std::int64_t width, std::int64_t stride,
                      bool bottleneck);
  [[nodiscard]] static Tensor apply_block(const Block& block, const Tensor& x, Mode mode);

  bool has_large_stem_ = false;
  ConvNorm stem_;
  std::vector<Block> blocks_;
};

}  // namespace kelvin
