#include "models/resnet.h"

#include <algorithm>

#include "engine/ops/pooling.h"

namespace kelvin {
namespace {

constexpr int kLargestSmallImage = 64;
constexpr std::int64_t kExpansion = 4;  // a bottleneck's output channels over its width

bool takes_large_stem(const ModelSpec& spec, const ResNetLayout& layout) {
  if (spec.stem == "auto")
    return !layout.is_cifar_family && std::max(spec.input_height(), spec.input_width()) > kLargestSmallImage;
  if (spec.stem != "cifar" && spec.stem != "imagenet")
    throw mistake("stem"_field, " ", spec.stem, " is unknown; known: auto, cifar, imagenet");
  if (spec.stem == "imagenet" && layout.is_cifar_family) throw mistake(spec.name, " has the cifar stem only");
  return spec.stem == "imagenet";
}

}  // namespace

ResNet::ResNet(ModelSpec given, const ResNetLayout& layout) : Model(std::move(given)) {
  has_large_stem_ = takes_large_stem(spec(), layout);
  std::int64_t channels = layout.widths.front();
  const std::int64_t kernel = has_large_stem_ ? 7 : 3, stem_stride = has_large_stem_ ? 2 : 1;
  stem_ = declare_conv_norm(parameters(), {"conv1", "bn1", spec().channels, channels, kernel, stem_stride});
  for (std::size_t stage = 0; stage < layout.widths.size(); ++stage)
    for (int i = 0; i < layout.blocks[stage]; ++i) {
      const std::int64_t width = layout.widths[stage], stride = stage > 0 && i == 0 ? 2 : 1;
      blocks_.push_back(
          declare_block(str("layer", stage + 1, ".", i, "."), channels, width, stride, layout.has_bottlenecks));
      channels = layout.has_bottlenecks ? kExpansion * width : width;
    }
  declare_prototypes("fc", channels, /*decays_bias=*/true);
}

ResNet::Block ResNet::declare_block(const std::string& name, std::int64_t in, std::int64_t width, std::int64_t stride,
                                    bool bottleneck) {
  Block block;
  const auto add = [&](std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t step) {
    const std::size_t n = block.path.size() + 1;
    block.path.push_back(
        declare_conv_norm(parameters(), {str(name, "conv", n), str(name, "bn", n), from, to, kernel, step}));
  };
  const std::int64_t out = bottleneck ? kExpansion * width : width;
  if (bottleneck) {
    add(in, width, 1, 1);
    add(width, width, 3, stride);
    add(width, out, 1, 1);
  } else {
    add(in, width, 3, stride);
    add(width, width, 3, 1);
  }
  block.has_projection = stride != 1 || in != out;
  if (block.has_projection)
    block.shortcut =
        declare_conv_norm(parameters(), {name + "downsample.0", name + "downsample.1", in, out, 1, stride});
  return block;
}

Tensor ResNet::apply_block(const Block& block, const Tensor& x, Mode mode) {
  const Tensor shortcut = block.has_projection ? apply(block.shortcut, x, {}, false, mode) : x;
  Tensor h = x;
  for (std::size_t i = 0; i + 1 < block.path.size(); ++i) h = apply(block.path[i], h, {}, true, mode);
  return apply(block.path.back(), h, shortcut, true, mode);
}

Tensor ResNet::features(const Tensor& images, Mode mode) {
  Tensor x = apply(stem_, normalize(images), {}, true, mode);
  if (has_large_stem_) x = max_pool2d(x, {.kernel = 3, .stride = 2, .pad = 1});
  for (const Block& block : blocks_) x = apply_block(block, x, mode);
  return global_avg_pool(x);
}

}  // namespace kelvin
