// What cameras and files do: pixelation and JPEG, both on 8-bit data.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
// clang-format off
#include <jpeglib.h>  // needs size_t and FILE from the headers above
// clang-format on

#include "data/corruptions/corruption.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr BySize<double> kPixelateFactor = {{.95, .9, .85, .75, .65}, {.9, .8, .7, .6, .5}, {.6, .5, .4, .3, .25}};
constexpr BySize<int> kJpegQuality = {{80, 65, 58, 50, 40}, {65, 58, 50, 40, 25}, {25, 18, 15, 10, 7}};

// One output pixel of a box filter: the inputs whose centres lie in its window, equally weighted; a window of at least one
// pixel, so that enlarging is nearest neighbour. Pillow's Image.BOX.
struct BoxWindow {
  int begin, end;
};
std::vector<BoxWindow> box_windows(int from, int to) {
  const double scale = static_cast<double>(from) / to, width = std::max(scale, 1.0);
  std::vector<BoxWindow> windows;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    BoxWindow window{from, 0};
    for (int k = 0; k < from; ++k) {
      const double offset = (k + 0.5 - center) / width;
      if (offset <= -0.5 || offset > 0.5) continue;
      window.begin = std::min(window.begin, k);
      window.end = k + 1;
    }
    windows.push_back(window);
  }
  return windows;
}

// Rows first, then columns, each rounded to 8 bits.
ByteImage resize_box(const ByteImage& image, int height, int width) {
  const int channels = image.channels;
  const auto average = [channels](const std::vector<std::uint8_t>& pixels, std::size_t first, std::size_t stride,
                                  BoxWindow window, int c) {
    double sum = 0;
    for (int k = window.begin; k < window.end; ++k)
      sum += pixels[first + static_cast<std::size_t>(k) * stride + static_cast<std::size_t>(c)];
    return static_cast<std::uint8_t>(std::floor(sum / (window.end - window.begin) + 0.5));
  };
  const std::vector<BoxWindow> columns = box_windows(image.width, width), rows = box_windows(image.height, height);
  ByteImage narrow{image.height, width, channels, {}};
  for (int h = 0; h < image.height; ++h)
    for (const BoxWindow window : columns)
      for (int c = 0; c < channels; ++c)
        narrow.pixels.push_back(average(image.pixels, static_cast<std::size_t>(h * image.width * channels),
                                        static_cast<std::size_t>(channels), window, c));
  ByteImage out{height, width, channels, {}};
  for (const BoxWindow window : rows)
    for (int w = 0; w < width; ++w)
      for (int c = 0; c < channels; ++c)
        out.pixels.push_back(average(narrow.pixels, static_cast<std::size_t>(w * channels),
                                     static_cast<std::size_t>(width * channels), window, c));
  return out;
}

// libjpeg reports fatal errors through a callback that must not return.
[[noreturn]] void on_jpeg_error(j_common_ptr info) {
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  throw internal_error("libjpeg: ", text);
}

struct JpegBuffer {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  ~JpegBuffer() { std::free(data); }
};

void encode(const ByteImage& image, int quality, JpegBuffer& buffer) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  errors.error_exit = on_jpeg_error;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &buffer.data, &buffer.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&info);  // baseline, 4:2:0 for colour
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  for (int h = 0; h < image.height; ++h) {
    JSAMPROW row = const_cast<JSAMPROW>(image.pixels.data() + h * image.width * image.channels);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
}

ByteImage decode(const JpegBuffer& buffer, const ByteImage& like) {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  errors.error_exit = on_jpeg_error;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, buffer.data, buffer.size);
  jpeg_read_header(&info, TRUE);
  jpeg_start_decompress(&info);
  ByteImage image{like.height, like.width, like.channels, std::vector<std::uint8_t>(like.pixels.size())};
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image.pixels.data() + static_cast<std::size_t>(info.output_scanline) *
                                             static_cast<std::size_t>(like.width * like.channels);
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return image;
}

}  // namespace

ByteImage pixelate(const ByteImage& image, int severity, const ImageRandom&) {
  const double factor = kPixelateFactor.at(image, severity);
  const int height = std::max(1, static_cast<int>(image.height * factor));
  const int width = std::max(1, static_cast<int>(image.width * factor));
  return resize_box(resize_box(image, height, width), image.height, image.width);
}

ByteImage jpeg_compression(const ByteImage& image, int severity, const ImageRandom&) {
  JpegBuffer buffer;
  encode(image, kJpegQuality.at(image, severity), buffer);
  return decode(buffer, image);
}

}  // namespace kelvin
