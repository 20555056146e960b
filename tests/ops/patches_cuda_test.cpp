// Images cut into patches, and patches summed into images, on the CUDA device, real or emulated, against the definition: strides that leave pixels
// out, that overlap and that do neither, channels in packs and not, memory that allows packs or does not.
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "engine/tensor.h"
#include "kernels/convolution/patches.h"
#include "tests/ops/cuda_test.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

struct Case {
  std::int64_t images, height, width, channels, size, stride, pad;
  std::int64_t offset = 0;  // elements into their memory at which all tensors begin
  std::int64_t outputs = 5;
  [[nodiscard]] ConvProblem problem(DType dtype, bool adds) const {
    ConvProblem p{.direction = ConvDirection::backward_data,
                  .dtype = dtype,
                  .x = {images, height, width, channels},
                  .w = {outputs, size, size, channels},
                  .stride = stride,
                  .pad = pad};
    p.adds = adds;
    return p;
  }
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << "x [" << c.images << ", " << c.height << ", " << c.width << ", " << c.channels << "], " << c.size << "x"
       << c.size << ", stride " << c.stride << ", pad " << c.pad << ", offset " << c.offset;
}

const std::vector<Case> kCases = {
    {2, 8, 8, 16, 1, 2, 0}, {2, 9, 7, 16, 1, 2, 0},    {3, 8, 8, 16, 3, 2, 1},  {2, 9, 7, 8, 3, 2, 1},
    {2, 9, 7, 3, 3, 2, 1},  {2, 8, 12, 4, 4, 4, 0},    {1, 11, 10, 4, 4, 4, 0}, {2, 10, 10, 5, 5, 3, 2},
    {2, 6, 6, 8, 3, 1, 1},  {2, 8, 8, 16, 3, 2, 1, 1}, {1, 5, 5, 24, 1, 3, 0},  {2, 8, 8, 16, 1, 2, 0, 4},
};

// f(element of the patches, element of the image) for every number of a patch that lies in the image.
template <class F>
void for_taps(const Case& c, const F& f) {
  const ConvProblem p = c.problem(DType::f32, false);
  std::int64_t patch = 0;
  for (std::int64_t n = 0; n < c.images; ++n)
    for (std::int64_t i = 0; i < p.output_side(0); ++i)
      for (std::int64_t j = 0; j < p.output_side(1); ++j)
        for (std::int64_t r = 0; r < c.size; ++r)
          for (std::int64_t s = 0; s < c.size; ++s, patch += c.channels) {
            const std::int64_t h = i * c.stride + r - c.pad, w = j * c.stride + s - c.pad;
            if (h < 0 || h >= c.height || w < 0 || w >= c.width) continue;
            for (std::int64_t k = 0; k < c.channels; ++k)
              f(static_cast<std::size_t>(patch + k),
                static_cast<std::size_t>(((n * c.height + h) * c.width + w) * c.channels + k));
          }
}

class PatchesParity : public CudaTest {
 protected:
  [[nodiscard]] Tensor placed(const Case& c, const Floats& values, DType dtype) const {
    return begins_at(c.offset, values, {static_cast<std::int64_t>(values.size())}, gpu_, dtype);
  }
};

TEST_F(PatchesParity, AreWhatTheFilterSees) {
  for (const Case& c : kCases)
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const ConvProblem p = c.problem(dtype, false);
      const Tensor x = placed(c, draw(c.images * c.height * c.width * c.channels, "x", -1, 1), dtype);
      const Tensor patches = placed(c, Floats(static_cast<std::size_t>(patch_elements(p)), NAN), dtype);
      dispatch_float(dtype, [&]<class T>(Type<T>) {
        gather_patches<T>(*cuda_, patches.view<T>().data, x.view<const T>().data, p);
      });
      Floats expected(static_cast<std::size_t>(patch_elements(p)), 0.0f);
      const Floats x_values = floats_of(x);
      for_taps(c, [&](std::size_t patch, std::size_t pixel) { expected[patch] = x_values[pixel]; });
      EXPECT_TRUE(floats_of(patches) == expected) << name_of(dtype) << " " << ::testing::PrintToString(c);
    }
}

TEST_F(PatchesParity, AreSummedIntoTheImage) {
  for (const Case& c : kCases)
    for (const DType dtype : {DType::f32, DType::bf16})
      for (const bool adds : {false, true}) {
        const ConvProblem p = c.problem(dtype, adds);
        const std::int64_t pixels = c.images * c.height * c.width * c.channels;
        const Tensor patches = placed(c, draw(patch_elements(p), "patches", -1, 1), dtype);
        const Tensor before = placed(c, draw(pixels, "before", -1, 1), dtype);
        const Tensor dx = adds ? before.clone() : placed(c, Floats(static_cast<std::size_t>(pixels), NAN), dtype);
        dispatch_float(dtype, [&]<class T>(Type<T>) {
          sum_patches<T>(*cuda_, dx.view<T>().data, patches.view<const T>().data, p);
        });
        std::vector<double> expected(static_cast<std::size_t>(pixels), 0.0);
        const Floats terms = floats_of(patches), first = floats_of(before), got = floats_of(dx);
        for_taps(c,
                 [&](std::size_t patch, std::size_t pixel) { expected[pixel] += static_cast<double>(terms[patch]); });
        // Up to nine terms below 1 and one rounding.
        const double tolerance = dtype == DType::f32 ? 1e-6 : 5.0 / 256;
        for (std::size_t i = 0; i < got.size(); ++i)
          ASSERT_NEAR(got[i], expected[i] + (adds ? static_cast<double>(first[i]) : 0.0), tolerance)
              << name_of(dtype) << " " << ::testing::PrintToString(c) << (adds ? ", added" : "") << ", element " << i;
      }
}

TEST(Patches, AreForConvolutionsThatLeaveFew) {
  const auto few = [](const Case& c, DType dtype = DType::f32) { return has_few_patches(c.problem(dtype, false)); };
  EXPECT_TRUE(few({128, 32, 32, 256, 1, 2, 0}));          // a shortcut
  EXPECT_TRUE(few({128, 32, 32, 128, 3, 2, 1}));          // a bottleneck's 3x3
  EXPECT_TRUE(few({128, 224, 224, 8, 16, 16, 0}));        // a vision transformer's
  EXPECT_TRUE(few({128, 32, 32, 4, 3, 1, 1, 0, 64}));     // 36 numbers for 64 outputs
  EXPECT_FALSE(few({128, 32, 32, 4, 3, 1, 1, 0, 16}));    // for 16
  EXPECT_FALSE(few({128, 32, 32, 64, 3, 1, 1, 0, 64}));   // nine times the image
  EXPECT_FALSE(few({128, 32, 32, 64, 1, 1, 0, 0, 256}));  // the image itself
  EXPECT_FALSE(few({128, 32, 32, 4, 3, 1, 1, 0, 64}, DType::bf16));
  EXPECT_FALSE(few({128, 224, 224, 4, 7, 2, 3}));               // twelve times
  EXPECT_FALSE(few({128, 32, 32, 128, 3, 2, 1}, DType::bf16));  // terms rounded before they are summed
  EXPECT_TRUE(few({128, 32, 32, 256, 1, 2, 0}, DType::bf16));
}

}  // namespace
}  // namespace kelvin::testing
