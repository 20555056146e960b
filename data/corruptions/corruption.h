// What the files of this folder share: an 8-bit image, its random numbers, and the form of a corruption.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/device/philox.h"

namespace kelvin {

struct ByteImage {
  int height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;  // [H, W, C]
};

// Which published generator an image's size belongs to: CIFAR-10-C's to 48 pixels, Tiny-ImageNet-C's (written for 64) to 128, ImageNet-C's
// (written for 224) above.
enum class SizeClass { small, medium, large };
[[nodiscard]] inline SizeClass size_class(const ByteImage& image) {
  const int side = std::max(image.height, image.width);
  return side <= 48 ? SizeClass::small : side <= 128 ? SizeClass::medium : SizeClass::large;
}

// A corruption's constants, by severity.
template <class T>
struct BySize {
  T small[5], medium[5], large[5];
  [[nodiscard]] const T& at(const ByteImage& image, int severity) const {
    const SizeClass size = size_class(image);
    return (size == SizeClass::small ? small : size == SizeClass::medium ? medium : large)[severity];
  }
};

// Double pixels in [0, 1] and back: clipped, times 255, truncated (the published generator does not round).
[[nodiscard]] std::vector<double> to_unit(const ByteImage& image);
[[nodiscard]] ByteImage from_unit(const ByteImage& like, const std::vector<double>& values);

// The random numbers of one image under one corruption: element e has a sequence of its own, numbered by `draw`.
struct ImageRandom {
  RandomKey key;
  std::uint64_t image = 0;
  [[nodiscard]] std::array<std::uint32_t, 4> bits(std::size_t element, std::uint32_t draw = 0) const {
    return philox(key, image << 40 | static_cast<std::uint64_t>(element) << 8 | (draw & 0xff));
  }
};
// n standard normal numbers; n numbers uniform in (−1, 1). An element gives four of them; they begin at element 0 or the one given.
[[nodiscard]] std::vector<float> normals(const ImageRandom& random, std::size_t n);
[[nodiscard]] std::vector<double> uniforms(const ImageRandom& random, std::size_t n, std::size_t first_element = 0);

// severity counts from 0 here: an index into the corruption's constants.
using CorruptionFunction = ByteImage (*)(const ByteImage& image, int severity, const ImageRandom& random);

ByteImage gaussian_noise(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage shot_noise(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage impulse_noise(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage defocus_blur(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage brightness(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage contrast(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage pixelate(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage jpeg_compression(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage speckle_noise(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage glass_blur(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage motion_blur(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage zoom_blur(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage fog(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage snow(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage frost(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage elastic_transform(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage spatter(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage gaussian_blur(const ByteImage& image, int severity, const ImageRandom& random);
ByteImage saturate(const ByteImage& image, int severity, const ImageRandom& random);

}  // namespace kelvin
