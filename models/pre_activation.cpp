#include "models/pre_activation.h"

#include <regex>

#include "engine/ops/activation.h"
#include "engine/ops/pad.h"
#include "engine/ops/pooling.h"
#include "engine/ops/silu.h"
#include "engine/tape.h"

namespace kelvin {
namespace {

constexpr std::int64_t kDeepest = 202, kWidest = 32;

// The names of a family's parameters; those in a block come after block_name.
struct Names {
  const char *stem, *norm1, *conv1, *norm2, *conv2, *shortcut, *norm, *head;
};

Names names_of(const PreActivationLayout& l) {
  if (l.is_deepminds)
    return {"init_conv", "batchnorm_0", "conv_0", "batchnorm_1", "conv_1", "shortcut", "batchnorm", "logits"};
  if (l.is_wide) return {"conv1", "bn1", "conv1", "bn2", "conv2", "convShortcut", "bn1", "fc"};
  return {"conv1", "bn1", "conv1", "bn2", "conv2", "shortcut.0", "bn", "linear"};
}

std::string block_name(const PreActivationLayout& l, std::size_t stage, int i) {
  if (l.is_deepminds) return str("layer.", stage, ".block.", i, ".");
  return l.is_wide ? str("block", stage + 1, ".layer.", i, ".") : str("layer", stage + 1, ".", i, ".");
}

// conv(x, w) + residual; one kernel where the filter is not trained
Tensor conv_add(const Tensor& x, const Tensor& w, const Tensor& residual, Mode mode) {
  const ConvOptions options{.pad = w.dim(1) / 2};
  if (mode != Mode::eval || Tape::is_tracked(w)) return add(conv2d(x, w, options), residual);
  return conv2d_fused(x, w, {}, residual, false, options);
}

}  // namespace

std::optional<PreActivationLayout> wide_layout(const std::string& name) {
  static const std::regex grammar(R"((dm_)?wrn_(\d{1,4})_(\d{1,4}))");
  std::smatch found;
  if (!std::regex_match(name, found, grammar)) return {};
  const std::int64_t depth = std::stoll(found[2]), width = std::stoll(found[3]);
  if (depth < 10 || depth > kDeepest || depth % 6 != 4 || width < 1 || width > kWidest)
    throw mistake("model"_field, " ", name, " does not exist: the depth is 10, 16, 22, 28, ... ", kDeepest,
                  ", the width 1 to ", kWidest);
  return PreActivationLayout{.stem = 16,
                             .widths = {16 * width, 32 * width, 64 * width},
                             .blocks = static_cast<int>((depth - 4) / 6),
                             .is_deepminds = found[1].matched,
                             .is_wide = true};
}

PreActivationResNet::PreActivationResNet(ModelSpec given, const PreActivationLayout& layout)
    : Model(std::move(given)), is_deepminds_(layout.is_deepminds), is_fast_(layout.is_fast) {
  const Names names = names_of(layout);
  Parameters& p = parameters();
  std::int64_t in = layout.stem;
  stem_ = &declare_filter(p, names.stem, spec().channels, in, 3);
  for (std::size_t stage = 0; stage < layout.widths.size(); ++stage)
    for (int i = 0; i < layout.blocks; ++i) {
      const std::string name = block_name(layout, stage, i);
      const std::int64_t out = layout.widths[stage];
      Block block;
      block.stride = stage > 0 && i == 0 ? 2 : 1;
      block.norm = declare_norm(p, name + names.norm1, in);
      block.first = declare_conv_norm(p, {name + names.conv1, name + names.norm2, in, out, 3, block.stride});
      block.second = &declare_filter(p, name + names.conv2, out, out, 3);
      if (in != out) block.shortcut = &declare_filter(p, name + names.shortcut, in, out, 1);
      if (is_deepminds_ && block.stride == 2) block.first.options.pad = 0;  // pad_end's
      blocks_.push_back(block);
      in = out;
    }
  if (!is_fast_) norm_ = declare_norm(p, names.norm, in);
  declare_prototypes(names.head, in, /*decays_bias=*/true);
}

Tensor PreActivationResNet::activated(const BatchNorm& norm, const Tensor& x, Mode mode) const {
  return is_deepminds_ ? silu(apply(norm, x, false, mode)) : apply(norm, x, true, mode);
}

Tensor PreActivationResNet::activated(const ConvNorm& layer, const Tensor& x, Mode mode) const {
  return is_deepminds_ ? silu(apply(layer, x, {}, false, mode)) : apply(layer, x, {}, true, mode);
}

Tensor PreActivationResNet::apply_block(const Block& block, const Tensor& x, Mode mode) const {
  const Tensor a = activated(block.norm, x, mode);
  const Tensor shortcut =
      block.shortcut == nullptr ? x : conv2d(is_fast_ ? x : a, block.shortcut->value, {.stride = block.stride});
  const Tensor h = activated(block.first, is_deepminds_ && block.stride == 2 ? pad_end(a) : a, mode);
  return conv_add(h, block.second->value, shortcut, mode);
}

Tensor PreActivationResNet::features(const Tensor& images, Mode mode) {
  Tensor x = conv2d(normalize(images), stem_->value, {.pad = 1});
  for (const Block& block : blocks_) x = apply_block(block, x, mode);
  return global_avg_pool(is_fast_ ? x : activated(norm_, x, mode));
}

}  // namespace kelvin
