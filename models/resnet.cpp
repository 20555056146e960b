#include "models/resnet.h"

#include "engine/ops/pooling.h"

namespace kelvin {

ResNet::ResNet(ModelSpec spec, const ResNetLayout& layout) : Model(std::move(spec)) {
  Parameters& p = parameters();
  std::int64_t channels = layout.widths.front();
  stem_ = declare_conv_norm(p, {"conv1", "bn1", this->spec().channels, channels});
  for (std::size_t stage = 0; stage < layout.widths.size(); ++stage) {
    const std::int64_t width = layout.widths[stage];
    for (int i = 0; i < layout.blocks; ++i) {
      const std::string name = str("layer", stage + 1, ".", i, ".");
      const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      Block block;
      block.first = declare_conv_norm(p, {name + "conv1", name + "bn1", channels, width, 3, stride});
      block.second = declare_conv_norm(p, {name + "conv2", name + "bn2", width, width});
      block.has_projection = stride != 1 || channels != width;
      if (block.has_projection)
        block.shortcut =
            declare_conv_norm(p, {name + "downsample.0", name + "downsample.1", channels, width, 1, stride});
      blocks_.push_back(block);
      channels = width;
    }
  }
  declare_prototypes("fc", channels);
}

Tensor ResNet::apply_block(const Block& block, const Tensor& x, Mode mode) {
  const Tensor shortcut = block.has_projection ? apply(block.shortcut, x, {}, false, mode) : x;
  const Tensor h = apply(block.first, x, {}, true, mode);
  return apply(block.second, h, shortcut, true, mode);
}

Tensor ResNet::features(const Tensor& images, Mode mode) {
  Tensor x = apply(stem_, normalize(images), {}, true, mode);
  for (const Block& block : blocks_) x = apply_block(block, x, mode);
  return global_avg_pool(x);
}

}  // namespace kelvin
