#include "data/corruptions/drops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

std::size_t index(int h, int w, int width) { return static_cast<std::size_t>(h * width + w); }

// Whether the gradient's magnitude is a maximum across the edge. The sector is found with tan 22.5° in 15-bit fixed point; of two
// equal neighbours the upper or left one wins. `m` points at the pixel in a plane of rows of `stride`.
bool is_ridge(const int* m, std::ptrdiff_t stride, int dx, int dy) {
  constexpr int kTan22 = 13573;  // 0.41421356 · 2¹⁵
  const int x = std::abs(dx) * kTan22, y = std::abs(dy) << 15;
  if (y < x) return m[0] > m[-1] && m[0] >= m[1];
  if (y > x + (std::abs(dx) << 16)) return m[0] > m[-stride] && m[0] >= m[stride];
  const int side = (dx ^ dy) < 0 ? -1 : 1;
  return m[0] > m[-stride - side] && m[0] > m[stride + side];
}

// 3x3 mean, mirrored borders.
template <class T>
std::vector<double> box3(const std::vector<T>& x, int height, int width) {
  std::vector<double> out;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w) {
      double sum = 0;
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          sum += static_cast<double>(
              x[index(edge_index(h + dy, height, Edge::mirror), edge_index(w + dx, width, Edge::mirror), width)]);
      out.push_back(sum / 9);
    }
  return out;
}

}  // namespace

Plane canny(const Plane& image, int low, int high) {
  const int height = image.height, width = image.width;
  const std::ptrdiff_t stride = width + 2;  // magnitudes have a border of zeros
  std::vector<int> magnitude(static_cast<std::size_t>((height + 2) * stride), 0), dx(image.pixels.size()),
      dy(image.pixels.size());
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w) {
      const auto at = [&](int y, int x) -> int {
        return image.pixels[index(std::clamp(h + y, 0, height - 1), std::clamp(w + x, 0, width - 1), width)];
      };
      const std::size_t i = index(h, w, width);
      dx[i] = at(-1, 1) - at(-1, -1) + 2 * (at(0, 1) - at(0, -1)) + at(1, 1) - at(1, -1);
      dy[i] = at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1);
      magnitude[static_cast<std::size_t>((h + 1) * stride + w + 1)] = std::abs(dx[i]) + std::abs(dy[i]);
    }
  Plane edges{height, width, std::vector<std::uint8_t>(image.pixels.size(), 0)};
  std::vector<std::uint8_t> is_candidate(image.pixels.size(), 0);
  std::vector<int> reached;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w) {
      const int* const m = magnitude.data() + (h + 1) * stride + w + 1;
      const std::size_t i = index(h, w, width);
      if (*m <= low || !is_ridge(m, stride, dx[i], dy[i])) continue;
      is_candidate[i] = 1;
      if (*m <= high) continue;
      edges.pixels[i] = 255;
      reached.push_back(static_cast<int>(i));
    }
  while (!reached.empty()) {  // candidates connected to a strong edge
    const int h = reached.back() / width, w = reached.back() % width;
    reached.pop_back();
    for (int y = std::max(h - 1, 0); y <= std::min(h + 1, height - 1); ++y)
      for (int x = std::max(w - 1, 0); x <= std::min(w + 1, width - 1); ++x) {
        const std::size_t i = index(y, x, width);
        if (is_candidate[i] == 0 || edges.pixels[i] != 0) continue;
        edges.pixels[i] = 255;
        reached.push_back(static_cast<int>(i));
      }
  }
  return edges;
}

std::vector<float> distance_to_zero(const Plane& image) {
  constexpr std::uint32_t kStraight = 65536, kDiagonal = 91750, kKnight = 143976;  // 1, 1.4, 2.1969 times 2¹⁶
  constexpr std::uint32_t kFar = 1u << 30;
  const int height = image.height, width = image.width;
  const std::ptrdiff_t stride = width + 4;  // a border of two
  std::vector<std::uint32_t> d(static_cast<std::size_t>((height + 4) * stride), kFar);
  struct Step {
    int dy, dx;
    std::uint32_t length;
  };
  // The half of the mask above and left of the pixel; its mirror image is the other half.
  constexpr Step kSteps[] = {{-2, -1, kKnight},  {-2, 1, kKnight},   {-1, -2, kKnight}, {-1, -1, kDiagonal},
                             {-1, 0, kStraight}, {-1, 1, kDiagonal}, {-1, 2, kKnight},  {0, -1, kStraight}};
  const auto pass = [&](int direction) {
    for (int k = 0; k < height * width; ++k) {
      const int i = direction > 0 ? k : height * width - 1 - k, h = i / width, w = i % width;
      std::uint32_t* const at = d.data() + (h + 2) * stride + w + 2;
      if (image.pixels[static_cast<std::size_t>(i)] == 0) {
        *at = 0;
        continue;
      }
      for (const Step& s : kSteps) *at = std::min(*at, at[direction * (s.dy * stride + s.dx)] + s.length);
    }
  };
  pass(1);
  pass(-1);
  std::vector<float> out;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w)
      out.push_back(static_cast<float>(d[static_cast<std::size_t>((h + 2) * stride + w + 2)]) / 65536.0f);
  return out;
}

Plane equalize_histogram(const Plane& image) {
  std::array<int, 256> histogram{};
  for (const std::uint8_t v : image.pixels) ++histogram[v];
  std::size_t first = 0;
  while (histogram[first] == 0) ++first;
  const int rest = static_cast<int>(image.pixels.size()) - histogram[first];
  if (rest == 0) return image;  // one value only
  const float scale = 255.0f / static_cast<float>(rest);
  std::array<std::uint8_t, 256> table{};
  int sum = 0;
  for (std::size_t v = first + 1; v < 256; ++v) {
    sum += histogram[v];
    table[v] = static_cast<std::uint8_t>(std::nearbyint(static_cast<float>(sum) * scale));
  }
  Plane out = image;
  for (std::uint8_t& v : out.pixels) v = table[v];
  return out;
}

Plane drop_relief(const Plane& liquid) {
  const int height = liquid.height, width = liquid.width;
  Plane plane = canny(liquid, 50, 150);
  for (std::uint8_t& v : plane.pixels) v = static_cast<std::uint8_t>(255 - v);
  std::vector<float> distance = distance_to_zero(plane);
  for (float& v : distance) v = std::min(v, 20.0f);
  const std::vector<double> blurred = box3(distance, height, width);
  std::transform(blurred.begin(), blurred.end(), plane.pixels.begin(),
                 [](double v) { return static_cast<std::uint8_t>(static_cast<float>(v)); });
  plane = equalize_histogram(plane);

  constexpr int kEmboss[3][3] = {{-2, -1, 0}, {-1, 1, 1}, {0, 1, 2}};
  Plane embossed = plane;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w) {
      int sum = 0;
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          sum += kEmboss[dy + 1][dx + 1] * plane.pixels[index(edge_index(h + dy, height, Edge::mirror),
                                                              edge_index(w + dx, width, Edge::mirror), width)];
      embossed.pixels[index(h, w, width)] = static_cast<std::uint8_t>(std::clamp(sum, 0, 255));
    }
  const std::vector<double> smooth = box3(embossed.pixels, height, width);
  std::transform(smooth.begin(), smooth.end(), plane.pixels.begin(),
                 [](double v) { return static_cast<std::uint8_t>(std::nearbyint(v)); });
  return plane;
}

}  // namespace kelvin
