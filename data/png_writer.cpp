#include "data/png_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "engine/atomic_file.h"

namespace {

// stb_image_write does not check its allocations. After a failure its own blocks leak, and the program ends.
void* stb_reallocate(void* old, std::size_t size) {
  if (void* const memory = std::realloc(old, size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

#define STBIW_MALLOC(size) stb_reallocate(nullptr, size)
#define STBIW_REALLOC(old, size) stb_reallocate(old, size)
#define STBIW_FREE(memory) std::free(memory)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace kelvin {

std::string png_bytes(std::span<const std::uint8_t> pixels, int height, int width, int channels) {
  int size = 0;
  const std::unique_ptr<unsigned char, decltype(&std::free)> png(
      stbi_write_png_to_mem(pixels.data(), width * channels, width, height, channels, &size), &std::free);
  return {reinterpret_cast<const char*>(png.get()), static_cast<std::size_t>(size)};
}

std::string png_bytes(View<const float> image) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(image.size()));
  std::transform(image.data, image.data + image.size(), pixels.begin(),
                 [](float v) { return static_cast<std::uint8_t>(std::lround(std::clamp(v, 0.0f, 1.0f) * 255.0f)); });
  return png_bytes(pixels, static_cast<int>(image.dim(0)), static_cast<int>(image.dim(1)),
                   static_cast<int>(image.dim(2)));
}

void write_png(const std::filesystem::path& path, std::span<const std::uint8_t> pixels, int height, int width,
               int channels) {
  const std::string png = png_bytes(pixels, height, width, channels);
  write_file_atomically(path, std::as_bytes(std::span(png)));
}

}  // namespace kelvin
