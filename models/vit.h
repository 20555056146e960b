// Vision transformers (Dosovitskiy et al. 2021, 2010.11929), as timm builds them: class token, learned positions, pre-norm blocks,
// qkv bias, LayerNorm ε 1e-6, exact GELU, an MLP four times as wide; parameters carry timm's names.
//
//   images [N, H, W, C] -> patches (a convolution as wide as its stride) -> tokens [N, 1 + HW/p², d] -> blocks
//   features = norm(class token)  [N, d] float32
//   block:  x += proj(attention(qkv(norm1(x))));  x += fc2(gelu(fc1(norm2(x))))
//
// In train mode, where the spec asks for it: dropout after the positions are added, after the attention's projection and after both layers of
// the MLP (the paper's; timm's pos_drop_rate = proj_drop_rate), and stochastic depth of both branches of a block, its rate rising linearly
// from 0 in the first block to `drop_path` in the last (timm's drop_path_rate). Evaluation drops nothing.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace kelvin {

struct VitLayout {
  std::int64_t patch = 16, width = 384, depth = 12, heads = 6;
};

class VisionTransformer : public Model {
 public:
  VisionTransformer(ModelSpec spec, const VitLayout& layout);
  [[nodiscard]] Tensor features(const Tensor& images, Mode mode) override;

 private:
  struct Affine {  // a linear layer or a norm: `<name>.weight`, `<name>.bias`
    const Parameter *weight, *bias;
  };
  struct Block {
    Affine norm1, qkv, proj, norm2, fc1, fc2;
  };
  Affine declare_linear(const std::string& name, std::int64_t in, std::int64_t out);
  Affine declare_norm(const std::string& name);
  [[nodiscard]] Tensor apply_block(std::size_t index, const Tensor& x, Mode mode) const;
  [[nodiscard]] Tensor drop_elements(const std::string& layer, const Tensor& x, Mode mode) const;
  [[nodiscard]] float drop_path_rate(std::size_t index) const;
  [[nodiscard]] static std::vector<Tensor> values_of(const Block& block);

  VitLayout layout_;
  const Parameter *class_token_ = nullptr, *positions_ = nullptr;
  Affine patches_{}, norm_{};
  std::vector<Block> blocks_;
};

}  // namespace kelvin
