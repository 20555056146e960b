// Writes small PNG and JPEG files for the tests of image sets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace kelvin::testing {

// By the extension: .png, else JPEG. Pixels [H, W, channels] from a fixed pattern moved by `seed`; returned.
inline std::vector<std::uint8_t> write_image(const std::filesystem::path& path, int height, int width, int channels,
                                             int seed) {
  std::filesystem::create_directories(path.parent_path());
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < height * width * channels; ++i)
    pixels.push_back(static_cast<std::uint8_t>((i * 7 + seed * 31) % 256));
  if (path.extension() == ".png") {
    stbi_write_png(path.c_str(), width, height, channels, pixels.data(), width * channels);
  } else {
    stbi_write_jpg(path.c_str(), width, height, channels, pixels.data(), 90);
  }
  return pixels;
}

}  // namespace kelvin::testing
