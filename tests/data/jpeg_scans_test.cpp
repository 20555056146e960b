// Progressive JPEG files with very many scans. Each scan is a pass over all coefficients, so that a small file could take hours.
#include <gmock/gmock.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "data/image_file.h"
#include "tests/support.h"
// needs size_t and FILE from the headers above
#include <jpeglib.h>

namespace kelvin {
namespace {

using testing::mistake_of;

// All of an image's coefficients in a number of scans from 2 on: the low frequencies one after the other, each of them bit by bit.
std::vector<jpeg_scan_info> script_of(int scans) {
  constexpr int kMostBits = 10;
  std::vector<jpeg_scan_info> script = {{1, {0}, 0, 0, 0, 0}};
  int frequency = 1;
  for (int left = scans - 2; left > 0; ++frequency) {
    const int bits = std::min(left, kMostBits);
    for (int low = bits - 1; low >= 0; --low)
      script.push_back({1, {0}, frequency, frequency, low == bits - 1 ? 0 : low + 1, low});
    left -= bits;
  }
  script.push_back({1, {0}, frequency, 63, 0, 0});
  return script;
}

// A grey image; sequential where the script is empty.
std::string jpeg_of(const std::vector<jpeg_scan_info>& script) {
  constexpr int kSide = 24;
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = info.image_height = kSide;
  info.input_components = 1;
  info.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  if (!script.empty()) info.scan_info = script.data();
  info.num_scans = static_cast<int>(script.size());
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < kSide; ++y) {
    JSAMPLE row[kSide];
    for (int x = 0; x < kSide; ++x) row[x] = static_cast<JSAMPLE>((x * 11 + y * y * 3) % 256);
    JSAMPROW rows[] = {row};
    jpeg_write_scanlines(&info, rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(bytes, &std::free);
  return {reinterpret_cast<const char*>(bytes), size};
}

DecodedImage decode(const std::string& file) { return decode_image("x.jpg", std::as_bytes(std::span(file)), 1); }

TEST(JpegScans, AsManyAsTwoHundredAreReadAndLoseNothing) {
  const std::vector<std::uint8_t> pixels = decode(jpeg_of({})).pixels;
  for (const int scans : {2, 12, 200}) {
    const std::vector<jpeg_scan_info> script = script_of(scans);
    ASSERT_EQ(std::ssize(script), scans);
    EXPECT_EQ(decode(jpeg_of(script)).pixels, pixels) << scans;
  }
}

TEST(JpegScans, MoreAreRefused) {
  const auto refusal = [](const std::string& file) { return mistake_of([&] { (void)decode(file); }); };
  EXPECT_EQ(refusal(jpeg_of(script_of(201))), "x.jpg: a JPEG of more than 200 scans");
  EXPECT_EQ(refusal(jpeg_of(script_of(600))), "x.jpg: a JPEG of more than 200 scans");
  // Scans that change nothing are not taken for pixels either: libjpeg calls a script that comes twice damaged.
  std::string file = jpeg_of(script_of(2));
  const std::size_t last = file.rfind("\xff\xda"), end = file.rfind("\xff\xd9");
  const std::string scan = file.substr(last, end - last);
  for (int i = 0; i < 300; ++i) file.insert(end, scan);
  EXPECT_NE(refusal(file), "");
}

}  // namespace
}  // namespace kelvin
