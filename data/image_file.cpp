#include "data/image_file.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>

#include "data/bmp_file.h"
#include "data/jpeg_file.h"
#include "data/png_file.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/parallel.h"

namespace {

// stb_image says of a lack of memory what it says of damage; this tells them apart.
thread_local bool stb_memory_is_out = false;
void* stb_reallocate(void* old, std::size_t size) {
  void* const memory = std::realloc(old, size);
  if (memory == nullptr) stb_memory_is_out = true;
  return memory;
}

}  // namespace

#define STBI_MALLOC(size) stb_reallocate(nullptr, size)
#define STBI_REALLOC(old, size) stb_reallocate(old, size)
#define STBI_FREE(memory) std::free(memory)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_FAILURE_STRINGS
#define STBI_MAX_DIMENSIONS 65536
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace kelvin {
namespace {

using Path = std::filesystem::path;

const stbi_uc* data_of(std::span<const std::byte> bytes) { return reinterpret_cast<const stbi_uc*>(bytes.data()); }
int size_of(std::span<const std::byte> bytes) { return static_cast<int>(bytes.size()); }

// Called for every kind of file that stb_image decodes, after it has been checked.
DecodedImage decode_by_stb(const Path& path, std::span<const std::byte> bytes, const ImageHeader& header,
                           int channels) {
  int width = 0, height = 0, stored = 0;
  stb_memory_is_out = false;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load_from_memory(data_of(bytes), size_of(bytes), &width, &height, &stored, channels), &stbi_image_free);
  if (pixels == nullptr && stb_memory_is_out) throw std::bad_alloc();
  if (pixels == nullptr)
    throw mistake(path.string(), ": damaged image data (header says ", header.height, "x", header.width, ")");
  KELVIN_CHECK(width == header.width && height == header.height, path.string(), " changed its size while decoded");
  const auto n =
      static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  return {height, width, channels, {pixels.get(), pixels.get() + n}};
}

}  // namespace

ImageHeader image_header(const Path& path, std::span<const std::byte> bytes) {
  ImageHeader h;
  if (bytes.empty()) throw mistake(path.string(), ": empty, expected a PNG, JPEG or BMP image");
  if (bytes.size() > kMaxImageFile)
    throw mistake(path.string(), ": ", bytes.size(), " bytes, at most ", kMaxImageFile, " are read");
  if (is_jpeg(bytes))
    h = jpeg_header(path, bytes);
  else if (is_png(bytes))
    h = png_header(path, bytes);
  else if (is_bmp(bytes))
    h = bmp_header(path, bytes);
  else
    throw mistake(path.string(), ": not a PNG, JPEG or BMP image, whatever its name says");
  if (h.width <= 0 || h.height <= 0) throw mistake(path.string(), ": an image of ", h.height, "x", h.width, " pixels");
  if (static_cast<std::int64_t>(h.width) * h.height > kMaxImagePixels)
    throw mistake(path.string(), ": says it is ", h.height, "x", h.width, " pixels; at most ", kMaxImagePixels,
                  " are decoded");
  return h;
}

DecodedImage decode_image(const Path& path, std::span<const std::byte> bytes, int channels) {
  const ImageHeader header = image_header(path, bytes);
  if (is_jpeg(bytes)) return decode_jpeg(path, bytes, channels);
  if (is_png(bytes)) return decode_by_stb(path, checked_png(path, bytes), header, channels);
  check_bmp(path, bytes);
  return decode_by_stb(path, bytes, header, channels);
}

ImageHeader read_image_header(const Path& path) { return image_header(path, read_file(path, kMaxImageFile)); }

bool is_image_name(const Path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".bmp";
}

std::vector<std::uint8_t> decode_images(const std::vector<Path>& files, int height, int width, int channels) {
  const auto n = static_cast<std::int64_t>(files.size());
  const std::size_t size =
      static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  const auto require_size = [&](const Path& file, const ImageHeader& header) {
    if (header.height != height || header.width != width)
      throw mistake(file.string(), ": ", header.height, "x", header.width, " pixels, expected ", height, "x", width,
                    " as the images before it; resize them to one size first");
  };
  // Before there is memory for as many images as there are files: the first may be the one that is larger than the others.
  for (const Path& file : std::span(files).first(std::min<std::size_t>(files.size(), 16)))
    require_size(file, read_image_header(file));
  std::vector<std::uint8_t> out(files.size() * size);
  std::vector<std::exception_ptr> errors(files.size());  // an exception may not leave a parallel region
  const auto decode = [&](std::size_t i) {
    const std::vector<std::byte> bytes = read_file(files[i], kMaxImageFile);
    require_size(files[i], image_header(files[i], bytes));
    const DecodedImage image = decode_image(files[i], bytes, channels);
    std::copy(image.pixels.begin(), image.pixels.end(), out.begin() + static_cast<std::ptrdiff_t>(i * size));
  };
  parallel_for(
      n,
      [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          try {
            decode(i);
          } catch (...) {
            errors[i] = std::current_exception();
          }
        }
      },
      /*cost=*/kParallelGrain / 16);
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  return out;
}

}  // namespace kelvin
