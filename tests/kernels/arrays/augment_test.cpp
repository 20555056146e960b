#include "kernels/arrays/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace kelvin {
namespace {

constexpr std::int64_t kSide = 6;

std::vector<std::uint8_t> ramp() {
  std::vector<std::uint8_t> v(4 * kSide * kSide);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::uint8_t>(i + 1);
  return v;
}

std::vector<float> run(const std::vector<std::int32_t>& indices, const AugmentOptions& o) {
  const std::vector<std::uint8_t> images = ramp();
  const auto n = static_cast<std::int64_t>(indices.size());
  std::vector<float> out(static_cast<std::size_t>(n * kSide * kSide));
  crop_flip(Cpu{}, View<float>(out.data(), {n, kSide, kSide, 1}),
            View<const std::uint8_t>(images.data(), {4, kSide, kSide, 1}),
            View<const std::int32_t>(indices.data(), {n}), o);
  return out;
}

TEST(CropFlip, PlainGatherWhenOff) {
  const std::vector<float> out = run({2}, {});
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_FLOAT_EQ(out[i], static_cast<float>(2 * 36 + i + 1) / 255.0f);
}

// Every augmented image is one of the 9 x 9 shifts, mirrored or not, with zeros outside; all kinds occur over many images.
TEST(CropFlip, IsAShiftAndAMirror) {
  const std::vector<std::uint8_t> images = ramp();
  int mirrored = 0, moved = 0;
  for (std::uint32_t epoch = 0; epoch < 64; ++epoch) {
    const std::vector<float> out = run({1}, {.enabled = true, .pad = 4, .key = {1, 2}, .epoch = epoch});
    int matches = 0;
    for (const bool flip : {false, true})
      for (int dh = -4; dh <= 4; ++dh)
        for (int dw = -4; dw <= 4; ++dw) {
          bool is_same = true;
          for (int h = 0; h < kSide && is_same; ++h)
            for (int w = 0; w < kSide && is_same; ++w) {
              const int sh = h + dh, sw = (flip ? static_cast<int>(kSide) - 1 - w : w) + dw;
              const bool inside = sh >= 0 && sh < kSide && sw >= 0 && sw < kSide;
              const float expected =
                  inside ? static_cast<float>(images[static_cast<std::size_t>(36 + sh * kSide + sw)]) / 255.0f : 0.0f;
              is_same = out[static_cast<std::size_t>(h * kSide + w)] == expected;
            }
          if (!is_same) continue;
          ++matches;
          mirrored += flip;
          moved += dh != 0 || dw != 0;
        }
    EXPECT_EQ(matches, 1) << "epoch " << epoch;
  }
  EXPECT_GT(mirrored, 16);
  EXPECT_LT(mirrored, 48);
  EXPECT_GT(moved, 50);
}

// Cutout zeroes a square of the standard augmentation's image, cut off at the borders, and nothing else; it moves about.
TEST(CropFlip, CutoutIsASquareOfZeros) {
  std::set<std::pair<int, int>> corners;
  for (std::uint32_t epoch = 0; epoch < 64; ++epoch) {
    const AugmentOptions o{.enabled = true, .pad = 0, .key = {1, 2}, .epoch = epoch};
    AugmentOptions cut = o;
    cut.cutout = 3;
    const std::vector<float> whole = run({1}, o), holed = run({1}, cut);  // the ramp has no zeros of its own
    int top = kSide, left = kSide, bottom = -1, right = -1, zeros = 0;
    for (int h = 0; h < kSide; ++h)
      for (int w = 0; w < kSide; ++w) {
        const auto at = static_cast<std::size_t>(h * kSide + w);
        if (holed[at] != 0) {
          EXPECT_EQ(holed[at], whole[at]);
          continue;
        }
        ++zeros;
        top = std::min(top, h), left = std::min(left, w), bottom = std::max(bottom, h), right = std::max(right, w);
      }
    EXPECT_EQ(zeros, (bottom - top + 1) * (right - left + 1));
    EXPECT_LE(std::max(bottom - top, right - left), 2);
    EXPECT_GE(zeros, 4);  // the centre is inside: at most one row and one column are cut off
    corners.insert({top, left});
  }
  EXPECT_GT(corners.size(), 12u);
}

TEST(CropFlip, DependsOnTheImageNotOnTheBatch) {
  const AugmentOptions o{.enabled = true, .pad = 4, .key = {1, 2}, .epoch = 3};
  const std::vector<float> batch = run({3, 0, 1}, o), alone = run({1}, o);
  EXPECT_EQ(std::vector<float>(batch.begin() + 72, batch.end()), alone);
}

// An image of three channels is moved as each of its channels alone is.
TEST(CropFlip, ChannelsMoveTogether) {
  constexpr std::size_t kPixels = 4 * kSide * kSide;
  std::vector<std::uint8_t> planes[3], colour(3 * kPixels);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < kPixels; ++i)
      planes[c].push_back(colour[3 * i + c] = static_cast<std::uint8_t>((7 * i + 83 * c) % 251 + 1));
  const std::vector<std::int32_t> indices = {2, 0, 3};
  const auto n = static_cast<std::int64_t>(indices.size());
  for (const AugmentOptions& o : {AugmentOptions{}, AugmentOptions{.enabled = true, .key = {1, 2}, .epoch = 5},
                                  AugmentOptions{.enabled = true, .cutout = 3, .key = {1, 2}, .epoch = 6}}) {
    std::vector<float> together(static_cast<std::size_t>(3 * n * kSide * kSide)), alone(together.size() / 3);
    crop_flip(Cpu{}, View<float>(together.data(), {n, kSide, kSide, 3}),
              View<const std::uint8_t>(colour.data(), {4, kSide, kSide, 3}),
              View<const std::int32_t>(indices.data(), {n}), o);
    for (std::size_t c = 0; c < 3; ++c) {
      crop_flip(Cpu{}, View<float>(alone.data(), {n, kSide, kSide, 1}),
                View<const std::uint8_t>(planes[c].data(), {4, kSide, kSide, 1}),
                View<const std::int32_t>(indices.data(), {n}), o);
      for (std::size_t i = 0; i < alone.size(); ++i) ASSERT_EQ(together[3 * i + c], alone[i]) << c << " " << i;
    }
  }
}

}  // namespace
}  // namespace kelvin
