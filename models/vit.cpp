#include "models/vit.h"

#include "engine/ops/activation.h"
#include "engine/ops/attention.h"
#include "engine/ops/checkpointed.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/tokens.h"

namespace kelvin {
namespace {

constexpr float kEpsilon = 1e-6f;
constexpr std::int64_t kMlpRatio = 4;

// As timm starts them: normal with deviation 0.02 (its truncation at ±2 is a hundred deviations away).
Init small_normal() { return {Init::Kind::normal, 0.0f, 0.02f}; }

}  // namespace

VisionTransformer::VisionTransformer(ModelSpec given, const VitLayout& layout)
    : Model(std::move(given)), layout_(layout) {
  const ModelSpec& s = spec();
  const std::int64_t p = layout.patch, d = layout.width;
  if (s.input_height() % p != 0 || s.input_width() % p != 0)
    throw mistake("model"_field, " ", s.name, " cuts images into patches of ", p, "x", p, "; images of ",
                  s.input_height(), "x", s.input_width(), " do not divide into them; ", "image-size"_field,
                  " N resizes them, as do weights that kelvin weights import ", "size"_field, " N wrote");
  const std::int64_t patches = (s.input_height() / p) * (s.input_width() / p), fan_in = p * p * s.channels;
  class_token_ = &parameters().add({"cls_token", {1, 1, d}, {Init::Kind::normal, 0.0f, 1e-6f}, false});
  positions_ = &parameters().add({"pos_embed", {1, patches + 1, d}, small_normal(), false});
  patches_ = {&parameters().add({"patch_embed.proj.weight", {d, p, p, s.channels}, fan_in_uniform(fan_in)}),
              &parameters().add({"patch_embed.proj.bias", {d}, fan_in_uniform(fan_in), false})};
  for (std::int64_t i = 0; i < layout.depth; ++i) {
    const std::string name = str("blocks.", i, ".");
    Block block{};
    block.norm1 = declare_norm(name + "norm1");
    block.qkv = declare_linear(name + "attn.qkv", d, 3 * d);
    block.proj = declare_linear(name + "attn.proj", d, d);
    block.norm2 = declare_norm(name + "norm2");
    block.fc1 = declare_linear(name + "mlp.fc1", d, kMlpRatio * d);
    block.fc2 = declare_linear(name + "mlp.fc2", kMlpRatio * d, d);
    blocks_.push_back(block);
  }
  norm_ = declare_norm("norm");
  declare_prototypes("head", d, /*decays_bias=*/false);
}

VisionTransformer::Affine VisionTransformer::declare_linear(const std::string& name, std::int64_t in,
                                                            std::int64_t out) {
  return {&parameters().add({name + ".weight", {out, in}, small_normal()}),
          &parameters().add({name + ".bias", {out}, constant_init(0), false})};
}

VisionTransformer::Affine VisionTransformer::declare_norm(const std::string& name) {
  return {&parameters().add({name + ".weight", {layout_.width}, constant_init(1), false}),
          &parameters().add({name + ".bias", {layout_.width}, constant_init(0), false})};
}

Tensor VisionTransformer::apply_block(std::size_t index, const Tensor& x, Mode mode) const {
  const Block& b = blocks_[index];
  const std::string name = str("blocks.", index, ".");
  const auto norm = [](const Affine& n, const Tensor& t) {
    return layer_norm(t, n.weight->value, n.bias->value, kEpsilon);
  };
  const auto dense = [](const Affine& l, const Tensor& t) { return linear(t, l.weight->value, l.bias->value); };
  const auto drop = [&](const char* layer, const Tensor& t) { return drop_elements(name + layer, t, mode); };
  const auto branch = [&](const char* layer, const Tensor& t) {
    const float rate = mode != Mode::eval ? drop_path_rate(index) : 0.0f;
    return drop_path(t, rate, dropout_source(), name + layer);
  };
  const Tensor qkv = dense(b.qkv, norm(b.norm1, x));
  const std::int64_t heads = layout_.heads;
  const Tensor mixed = attention(qkv.reshape({x.dim(0), x.dim(1), 3, heads, layout_.width / heads}));
  const Tensor attended = add(x, branch("drop_path1", drop("attn.proj_drop", dense(b.proj, mixed))));
  const Tensor hidden = drop("mlp.drop1", gelu(dense(b.fc1, norm(b.norm2, attended))));
  return add(attended, branch("drop_path2", drop("mlp.drop2", dense(b.fc2, hidden))));
}

Tensor VisionTransformer::drop_elements(const std::string& layer, const Tensor& x, Mode mode) const {
  return dropout(x, mode != Mode::eval ? spec().dropout : 0.0f, dropout_source(), layer);
}

float VisionTransformer::drop_path_rate(std::size_t index) const {
  const auto last = static_cast<float>(blocks_.size() - 1);
  return last > 0 ? spec().drop_path * static_cast<float>(index) / last : 0.0f;
}

std::vector<Tensor> VisionTransformer::values_of(const Block& b) {
  std::vector<Tensor> values;
  for (const Affine& a : {b.norm1, b.qkv, b.proj, b.norm2, b.fc1, b.fc2}) {
    values.push_back(a.weight->value);
    values.push_back(a.bias->value);
  }
  return values;
}

Tensor VisionTransformer::features(const Tensor& images, Mode mode) {
  const Tensor patches = conv2d(normalize(images), patches_.weight->value, {.stride = layout_.patch, .pad = 0});
  const Tensor rows = patches.reshape({patches.dim(0), patches.dim(1) * patches.dim(2), patches.dim(3)});
  Tensor x = embed_tokens(rows, patches_.bias->value, class_token_->value, positions_->value);
  x = drop_elements("pos_drop", x, mode);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto block = [this, i, mode](const Tensor& t) { return apply_block(i, t, mode); };
    x = spec().checkpoint_activations ? checkpointed(x, values_of(blocks_[i]), block) : block(x);
  }
  // The norm works on each token separately, so taking the class token out first only saves work.
  return layer_norm(class_token_of(x), norm_.weight->value, norm_.bias->value, kEpsilon);
}

}  // namespace kelvin
