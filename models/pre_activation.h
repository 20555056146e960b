// Pre-activation residual networks (He et al. 2016, 1603.05027) as the papers on adversarial training use them.
//
//   wrn_DEPTH_WIDTH      wide residual networks (Zagoruyko & Komodakis 2016, 1605.07146) in the form of TRADES (Zhang et al. 2019,
//                        1901.08573), which AWP, RST, MART and most of RobustBench share: wrn_28_10, wrn_34_10, wrn_34_20, wrn_70_16
//   dm_wrn_DEPTH_WIDTH   the same with SiLU, of Gowal et al. 2020 (2010.03593), Rebuffi et al. 2021 (2103.01946) and Wang et al. 2023
//                        (2302.04638): dm_wrn_28_10, dm_wrn_34_20, dm_wrn_70_16
//   preactresnet18       of Rice et al. 2020 (2002.11569): four stages of 64 to 512 channels, two blocks each
//   fast_preactresnet18  of Wong et al. 2020 (2001.03994) and Andriushchenko & Flammarion 2020 (2007.02617): the same, but where the shape
//                        changes the shortcut is a convolution of x, not of a, and after the last block there is neither norm nor f
//
// A block is x + conv2(f(norm2(conv1(a)))) with a = f(norm1(x)) and f = ReLU or SiLU. Where the shape changes, the shortcut is a 1x1
// convolution of a (not of x) without a norm. The stem is one 3x3 convolution; after the last block come a norm, f, and the average over all
// pixels that are left, which is f(x). Stages after the first start with stride 2. There dm_wrn pads below and at the right alone, as
// TensorFlow's SAME does. BatchNorm has PyTorch's ε = 1e-5 and momentum 0.1.
//
// Parameter names are those of the published files:
//   wrn             conv1, block{1..3}.layer.{i}.{bn1, conv1, bn2, conv2, convShortcut}, bn1, fc
//   dm_wrn          init_conv, layer.{0..2}.block.{i}.{batchnorm_0, conv_0, batchnorm_1, conv_1, shortcut}, batchnorm, logits
//   preactresnet18  conv1, layer{1..4}.{i}.{bn1, conv1, bn2, conv2, shortcut.0}, bn, linear; fast_preactresnet18 has no bn
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/layers.h"
#include "models/model.h"

namespace kelvin {

struct PreActivationLayout {
  std::int64_t stem = 64;            // channels of the first convolution
  std::vector<std::int64_t> widths;  // channels of each stage
  int blocks = 2;                    // of each stage
  bool is_deepminds = false;         // SiLU, its padding and its names
  bool is_wide = false;              // the names of wide residual networks
  bool is_fast = false;              // fast_preactresnet18: shortcuts of x, no norm at the end
};

// wrn_DEPTH_WIDTH or dm_wrn_DEPTH_WIDTH, of depth 6n + 4 and three stages of n blocks; nothing for other names. Throws a mistake for a
// depth or width that does not exist.
[[nodiscard]] std::optional<PreActivationLayout> wide_layout(const std::string& name);

class PreActivationResNet final : public Model {
 public:
  PreActivationResNet(ModelSpec spec, const PreActivationLayout& layout);
  [[nodiscard]] Tensor features(const Tensor& images, Mode mode) override;

 private:
  struct Block {
    BatchNorm norm;  // in front of the activation
    ConvNorm first;  // the first convolution and the norm after it
    const Parameter* second = nullptr;
    const Parameter* shortcut = nullptr;  // null: the block's input itself
    std::int64_t stride = 1;
  };
  // f(norm(x)), f(norm(conv(x)))
  [[nodiscard]] Tensor activated(const BatchNorm& norm, const Tensor& x, Mode mode) const;
  [[nodiscard]] Tensor activated(const ConvNorm& layer, const Tensor& x, Mode mode) const;
  [[nodiscard]] Tensor apply_block(const Block& block, const Tensor& x, Mode mode) const;

  bool is_deepminds_ = false;  // f is SiLU
  bool is_fast_ = false;       // PreActivationLayout::is_fast
  const Parameter* stem_ = nullptr;
  std::vector<Block> blocks_;
  BatchNorm norm_;
};

}  // namespace kelvin
