#include "data/jpeg_file.h"

#include <jerror.h>
#include <jpeglib.h>  // needs size_t and FILE from the headers above

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <new>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// What libjpeg reports. `manager` is its first member, so that callbacks find the rest behind it.
struct Reports {
  jpeg_error_mgr manager;
  const Path* path;
};

std::string message_of(j_common_ptr info) {
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  return text;
}

[[noreturn]] void refuse(j_common_ptr info) {
  if (info->err->msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  throw mistake(reinterpret_cast<Reports*>(info->err)->path->string(), ": damaged JPEG: ", message_of(info));
}

// libjpeg goes on after a warning and invents the pixels it could not read. Stray bytes between segments do no harm.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM) refuse(info);
}

// A progressive image may come in any number of scans, each of which costs a pass over all of its coefficients; real ones have about ten.
void limit_scans(j_common_ptr info) {
  constexpr int kMaxScans = 200;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans)
    throw mistake(reinterpret_cast<Reports*>(info->err)->path->string(), ": a JPEG of more than ", kMaxScans, " scans");
}

// As Pillow converts: inks are stored inverted, as Adobe's programs write them; R = (255 − K) − C (255 − K)/255, rounded, and so on.
void cmyk_to_rgb(std::span<const std::uint8_t> inks, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < inks.size(); i += 4) {
    const int light = inks[i + 3];  // 255 − K
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = (255 - inks[i + c]) * light + 128;
      *rgb++ = static_cast<std::uint8_t>(std::max(0, light - ((product >> 8) + product) / 256));
    }
  }
}

class Decoder {
 public:
  Decoder(const Path& path, std::span<const std::byte> bytes) : reports_{{}, &path} {
    info_.err = jpeg_std_error(&reports_.manager);
    reports_.manager.error_exit = refuse;
    reports_.manager.emit_message = on_message;
    jpeg_create_decompress(&info_);
    try {
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      progress_.progress_monitor = limit_scans;
      info_.progress = &progress_;
      jpeg_read_header(&info_, TRUE);
    } catch (...) {
      jpeg_destroy_decompress(&info_);
      throw;
    }
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  [[nodiscard]] ImageHeader header() const {
    return {static_cast<int>(info_.image_height), static_cast<int>(info_.image_width), info_.num_components};
  }

  DecodedImage decode(int channels) {
    const bool is_cmyk = info_.num_components == 4;
    if (is_cmyk && channels == 1)
      throw mistake(reports_.path->string(), ": a JPEG in CMYK; convert it to RGB or grey first");
    info_.out_color_space = is_cmyk ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&info_);
    DecodedImage image{static_cast<int>(info_.output_height), static_cast<int>(info_.output_width), channels, {}};
    const std::size_t stride = static_cast<std::size_t>(info_.output_width) * static_cast<std::size_t>(channels);
    image.pixels.resize(stride * info_.output_height);
    std::vector<std::uint8_t> inks(is_cmyk ? std::size_t{4} * info_.output_width : 0);
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* const to = image.pixels.data() + stride * info_.output_scanline;
      JSAMPROW row = is_cmyk ? inks.data() : to;
      jpeg_read_scanlines(&info_, &row, 1);
      if (is_cmyk) cmyk_to_rgb(inks, to);
    }
    jpeg_finish_decompress(&info_);
    return image;
  }

 private:
  Reports reports_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8};
}

ImageHeader jpeg_header(const Path& path, std::span<const std::byte> bytes) { return Decoder(path, bytes).header(); }

DecodedImage decode_jpeg(const Path& path, std::span<const std::byte> bytes, int channels) {
  return Decoder(path, bytes).decode(channels);
}

}  // namespace kelvin
