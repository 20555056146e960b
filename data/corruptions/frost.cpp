// Frost: a random piece of one of five textures of frosted glass, mixed with the image.
#include <algorithm>

#include "data/corruptions/corruption.h"
#include "data/corruptions/frost_texture.h"

namespace kelvin {
namespace {

struct Frost {
  double image, texture;  // weights
};
constexpr BySize<Frost> kFrost = {{{1, .2}, {1, .3}, {.9, .4}, {.85, .4}, {.75, .45}},
                                  {{1, .3}, {.9, .4}, {.8, .45}, {.75, .5}, {.7, .55}},
                                  {{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}}};

// 0.2, 0.3 and 1 as published, for images of up to 48, of 64 and of 224 pixels; larger ones take larger textures in proportion.
double texture_scale(const ByteImage& image) {
  const int side = std::max(image.height, image.width);
  switch (size_class(image)) {
    case SizeClass::small: return 0.2;
    case SizeClass::medium: return 0.3 * std::max(side, 64) / 64;
    default: return std::max(side, 224) / 224.0;
  }
}

}  // namespace

// A grey image takes the texture's grey, 0.299 R + 0.587 G + 0.114 B.
ByteImage frost(const ByteImage& image, int severity, const ImageRandom& random) {
  const Frost f = kFrost.at(image, severity);
  const auto bits = random.bits(0);
  const FrostTexture& texture =
      frost_texture(static_cast<int>(uniform_below(bits[0], kFrostTextures)), texture_scale(image));
  const int top = static_cast<int>(uniform_below(bits[1], static_cast<std::uint32_t>(texture.height - image.height)));
  const int left = static_cast<int>(uniform_below(bits[2], static_cast<std::uint32_t>(texture.width - image.width)));
  ByteImage out = image;
  std::uint8_t* to = out.pixels.data();
  for (int h = 0; h < image.height; ++h) {
    const std::uint8_t* ice = texture.pixels.data() + ((top + h) * texture.width + left) * 3;
    for (int w = 0; w < image.width; ++w, ice += 3)
      for (int c = 0; c < image.channels; ++c, ++to) {
        const double v = image.channels == 3 ? ice[c] : 0.299 * ice[0] + 0.587 * ice[1] + 0.114 * ice[2];
        *to = static_cast<std::uint8_t>(std::clamp(f.image * *to + f.texture * v, 0.0, 255.0));
      }
  }
  return out;
}

}  // namespace kelvin
