#include "data/image_preparation.h"

#include <algorithm>
#include <cmath>

#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr int kWeightBits = 22;  // of 32, less 8 of a pixel and 2 for sums beyond 255

double filter_value(ResizeFilter filter, double x) {
  x = std::abs(x);
  if (filter == ResizeFilter::bilinear) return std::max(0.0, 1 - x);
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// Of one output: the inputs from `first` on, and their weights.
struct OutputWeights {
  int first = 0;
  std::vector<std::int32_t> weights;
};

// Outputs `begin` to `end` − 1 of an axis of `from` inputs that is resized to `to`.
std::vector<OutputWeights> axis_weights(int from, int to, int begin, int end, ResizeFilter filter) {
  const double scale = static_cast<double>(from) / to, width = std::max(scale, 1.0);
  const double reach = (filter == ResizeFilter::bilinear ? 1 : 2) * width;
  std::vector<OutputWeights> all;
  for (int i = begin; i < end; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - reach + 0.5));
    const int last = std::min(from, static_cast<int>(center + reach + 0.5));
    std::vector<double> values;
    double total = 0;
    for (int k = first; k < last; ++k)
      total += values.emplace_back(filter_value(filter, (k - center + 0.5) * (1 / width)));
    OutputWeights& one = all.emplace_back(OutputWeights{first, {}});
    for (const double v : values) {
      const double fixed = v / total * (1 << kWeightBits);
      one.weights.push_back(static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp((sum + (1 << (kWeightBits - 1))) >> kWeightBits, 0, 255));
}

// A part of the resized image: rows top to top + size − 1, columns left to left + size − 1.
struct Window {
  int height = 0, width = 0;  // of the resized image
  int top = 0, left = 0, size = 0;
};

Window window_of(const DecodedImage& image, const ImagePreparation& p) {
  Window w{image.height, image.width, 0, 0, p.crop};
  const int small = std::min(image.height, image.width), large = std::max(image.height, image.width);
  if (p.resize > 0) {
    const int long_side = static_cast<int>(static_cast<double>(static_cast<std::int64_t>(p.resize) * large) / small);
    w.height = image.height <= image.width ? p.resize : long_side;
    w.width = image.height <= image.width ? long_side : p.resize;
  }
  w.top = static_cast<int>(std::nearbyint((w.height - p.crop) / 2.0));  // a half goes to the even number, as in Python
  w.left = static_cast<int>(std::nearbyint((w.width - p.crop) / 2.0));
  return w;
}

// Only the columns and rows of the window, and of the input only the rows that these need.
void resize_window(const DecodedImage& image, const Window& w, ResizeFilter filter, std::uint8_t* out) {
  const auto columns = axis_weights(image.width, w.width, w.left, w.left + w.size, filter);
  const auto rows = axis_weights(image.height, w.height, w.top, w.top + w.size, filter);
  const int begin = rows.front().first;
  const int end = rows.back().first + static_cast<int>(rows.back().weights.size());
  const std::ptrdiff_t channels = image.channels, wide = image.width * channels, narrow = w.size * channels;

  std::vector<std::uint8_t> across(static_cast<std::size_t>((end - begin) * narrow));
  for (int h = begin; h < end; ++h) {
    std::uint8_t* to = across.data() + (h - begin) * narrow;
    for (const OutputWeights& column : columns)
      for (std::ptrdiff_t c = 0; c < channels; ++c) {
        const std::uint8_t* from = image.pixels.data() + h * wide + column.first * channels + c;
        std::int32_t sum = 0;
        for (const std::int32_t weight : column.weights) {
          sum += weight * *from;
          from += channels;
        }
        *to++ = rounded(sum);
      }
  }
  std::vector<std::int32_t> sums(static_cast<std::size_t>(narrow));
  for (const OutputWeights& row : rows) {
    std::fill(sums.begin(), sums.end(), 0);
    const std::uint8_t* from = across.data() + (row.first - begin) * narrow;
    for (const std::int32_t weight : row.weights) {
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * from[i];
      from += narrow;
    }
    out = std::transform(sums.begin(), sums.end(), out, rounded);
  }
}

}  // namespace

std::string text_of(const ImagePreparation& p) {
  const std::string crop = str("the ", p.crop, "x", p.crop, " at the centre");
  if (p.resize == 0) return crop;
  return str("short side to ", p.resize, p.filter == ResizeFilter::bilinear ? " (bilinear)" : " (bicubic)", ", then ",
             crop);
}

void prepare_image(const DecodedImage& image, const ImagePreparation& p, std::uint8_t* out) {
  const Window w = window_of(image, p);
  KELVIN_CHECK(w.height >= p.crop && w.width >= p.crop, "an image that is smaller than its crop");
  if (w.height != image.height || w.width != image.width) return resize_window(image, w, p.filter, out);
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(image.width) * image.channels;
  for (int h = w.top; h < w.top + w.size; ++h) {
    const auto from = image.pixels.begin() + h * row + static_cast<std::ptrdiff_t>(w.left) * image.channels;
    out = std::copy_n(from, static_cast<std::ptrdiff_t>(w.size) * image.channels, out);
  }
}

void read_prepared_image(const std::filesystem::path& path, const ImagePreparation& p, std::uint8_t* out) {
  const DecodedImage image = decode_image(path, read_file(path, kMaxImageFile), 3);
  if (p.resize == 0 && std::min(image.height, image.width) < p.crop)
    throw mistake(path.string(), ": ", image.height, "x", image.width, " pixels, expected at least ", p.crop, "x",
                  p.crop);
  prepare_image(image, p, out);
}

}  // namespace kelvin
