// Photographs prepared as torchvision and timm do it, against both (tools/golden/image_preparation.py).
#include "data/image_preparation.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "data/npy.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;

const std::filesystem::path kGolden = std::filesystem::path(KELVIN_GOLDEN_DIR) / "image_preparation";

std::vector<std::uint8_t> prepared(const std::string& file, const ImagePreparation& p) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(p.crop) * static_cast<std::size_t>(p.crop) * 3);
  read_prepared_image(kGolden / file, p, pixels.data());
  return pixels;
}

// Every `step`-th row and column.
std::vector<std::uint8_t> thinned(const std::vector<std::uint8_t>& pixels, std::size_t side, std::size_t step) {
  std::vector<std::uint8_t> out;
  for (std::size_t h = 0; h < side; h += step)
    for (std::size_t w = 0; w < side; w += step)
      for (std::size_t c = 0; c < 3; ++c) out.push_back(pixels[(h * side + w) * 3 + c]);
  return out;
}

// Resizing is Pillow's to the bit; Pillow carries a libjpeg of its own, whose decoded pixels may differ by one.
void expect_golden(const std::vector<std::uint8_t>& got, const std::string& name) {
  const NpyArray golden = read_npy(kGolden / (name + ".npy"));
  ASSERT_EQ(golden.bytes.size(), got.size()) << name;
  std::size_t different = 0, far = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const int distance = std::abs(got[i] - std::to_integer<int>(golden.bytes[i]));
    different += distance > 0;
    far += distance > 1;
  }
  EXPECT_LE(static_cast<double>(far), 0.001 * static_cast<double>(got.size())) << name;
  EXPECT_LE(static_cast<double>(different), 0.05 * static_cast<double>(got.size())) << name;
}

constexpr const char* kFiles[] = {"landscape.jpg",   "portrait.jpg",    "tiny.jpg",  "square.jpg",
                                  "wide.jpg",        "grey.jpg",        "cmyk.jpg",  "turned.jpg",
                                  "progressive.jpg", "png_inside.JPEG", "alpha.png", "palette.png"};

TEST(ImagePreparation, IsTorchvisionsAndTimms) {
  for (const std::string file : kFiles) {
    const std::string stem = file.substr(0, file.find('.'));
    expect_golden(prepared(file, {.resize = 64, .crop = 56}), stem + ".bilinear");
    expect_golden(prepared(file, {.resize = 62, .crop = 56, .filter = ResizeFilter::bicubic}), stem + ".bicubic");
  }
  expect_golden(thinned(prepared("large.jpg", {}), 224, 4), "large.bilinear");
  expect_golden(thinned(prepared("large.jpg", {.resize = 248, .filter = ResizeFilter::bicubic}), 224, 4),
                "large.bicubic");
}

// A PNG has the same pixels in every decoder, so these must be equal.
TEST(ImagePreparation, ResizesPngFilesToTheBit) {
  for (const std::string stem : {"png_inside", "alpha", "palette"})
    for (const auto& [filter, kind, resize] :
         {std::tuple{ResizeFilter::bilinear, ".bilinear", 64}, {ResizeFilter::bicubic, ".bicubic", 62}}) {
      const std::vector<std::uint8_t> got =
          prepared(stem + (stem == "png_inside" ? ".JPEG" : ".png"), {.resize = resize, .crop = 56, .filter = filter});
      const NpyArray golden = read_npy(kGolden / (stem + kind + ".npy"));
      const auto* const first = reinterpret_cast<const std::uint8_t*>(golden.bytes.data());
      EXPECT_EQ(got, std::vector<std::uint8_t>(first, first + golden.bytes.size())) << stem << kind;
    }
}

// Images that are stored at their size (ImageNet-C) lose the edges only.
TEST(ImagePreparation, WithoutAResizeTakesTheMiddleAsStored) {
  const std::vector<std::uint8_t> whole = prepared("square.jpg", {.resize = 0, .crop = 64}),
                                  middle = prepared("square.jpg", {.resize = 0, .crop = 60});
  for (std::size_t h = 0; h < 60; ++h)
    for (std::size_t i = 0; i < 180; ++i) ASSERT_EQ(middle[h * 180 + i], whole[(h + 2) * 192 + 6 + i]);
  EXPECT_EQ(prepared("square.jpg", {.resize = 64, .crop = 64}), whole);
}

TEST(ImagePreparation, RefusesDamagedAndSmallFiles) {
  EXPECT_THAT(mistake_of([] { (void)prepared("cut.jpg", {}); }), HasSubstr("cut.jpg: damaged JPEG"));
  EXPECT_THAT(mistake_of([] { (void)prepared("tiny.jpg", {.resize = 0, .crop = 56}); }),
              HasSubstr("tiny.jpg: 31x40 pixels, expected at least 56x56"));
  EXPECT_THAT(mistake_of([] { (void)prepared("absent.jpg", {}); }), HasSubstr("absent.jpg"));
}

}  // namespace
}  // namespace kelvin
