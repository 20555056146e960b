// Elastic: a random affine map, then random smooth displacements.
#include "data/corruptions/elastic.h"

#include <algorithm>
#include <cmath>

#include "data/corruptions/filters.h"

namespace kelvin {
namespace {

struct Elastic {
  double alpha, sigma, affine;  // of the displacements and of the affine map's jitter, in units of the image's side
};
constexpr double kSide = 244.0 / 224;  // the published generator for 224 pixels counts in sides of 244
constexpr BySize<Elastic> kElastic = {{{0, 0, .08}, {.05, .2, .07}, {.08, .06, .06}, {.1, .04, .05}, {.1, .03, .03}},
                                      {{0, 0, .08}, {.05, .3, .06}, {.1, .08, .06}, {.1, .03, .03}, {.16, .03, .02}},
                                      {{2 * kSide, .7 * kSide, .1 * kSide},
                                       {2 * kSide, .08 * kSide, .2 * kSide},
                                       {.05 * kSide, .01 * kSide, .02 * kSide},
                                       {.07 * kSide, .01 * kSide, .02 * kSide},
                                       {.12 * kSide, .01 * kSide, .02 * kSide}}};

// Writes the bilinear sample at (y, x) of all channels to `to`.
void sample(const std::vector<double>& image, int height, int width, int channels, double y, double x, Edge edge,
            double* to) {
  const double y0 = std::floor(y), x0 = std::floor(x), fy = y - y0, fx = x - x0;
  const auto row = [&](double r) {
    return static_cast<std::ptrdiff_t>(edge_index(static_cast<int>(r), height, edge)) * width;
  };
  const std::ptrdiff_t above = row(y0), below = row(y0 + 1);
  const int left = edge_index(static_cast<int>(x0), width, edge),
            right = edge_index(static_cast<int>(x0) + 1, width, edge);
  const double* const a = image.data() + (above + left) * channels;
  const double* const b = image.data() + (above + right) * channels;
  const double* const c = image.data() + (below + left) * channels;
  const double* const d = image.data() + (below + right) * channels;
  for (int k = 0; k < channels; ++k) {
    const double top = a[k] + fx * (b[k] - a[k]), bottom = c[k] + fx * (d[k] - c[k]);
    to[k] = top + fy * (bottom - top);
  }
}

}  // namespace

Affine affine_through(const std::array<std::array<double, 2>, 3>& from,
                      const std::array<std::array<double, 2>, 3>& to) {
  // Two edges of each triangle; the linear part takes one pair to the other.
  const double ax = from[1][0] - from[0][0], ay = from[1][1] - from[0][1];
  const double bx = from[2][0] - from[0][0], by = from[2][1] - from[0][1];
  const double determinant = ax * by - ay * bx;
  Affine m{};
  for (std::size_t k = 0; k < 2; ++k) {
    const double a = to[1][k] - to[0][k], b = to[2][k] - to[0][k];
    m[3 * k] = (a * by - b * ay) / determinant;
    m[3 * k + 1] = (b * ax - a * bx) / determinant;
    m[3 * k + 2] = to[0][k] - m[3 * k] * from[0][0] - m[3 * k + 1] * from[0][1];
  }
  return m;
}

std::vector<double> warp_affine(const std::vector<double>& x, int height, int width, int channels, const Affine& m) {
  const double determinant = m[0] * m[4] - m[1] * m[3];
  std::vector<double> out(x.size());
  double* to = out.data();
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w, to += channels) {
      const double dx = w - m[2], dy = h - m[5];
      sample(x, height, width, channels, (m[0] * dy - m[3] * dx) / determinant, (m[4] * dx - m[1] * dy) / determinant,
             Edge::mirror, to);
    }
  return out;
}

std::vector<double> displace(const std::vector<double>& x, int height, int width, int channels,
                             const std::vector<double>& down, const std::vector<double>& right) {
  std::vector<double> out(x.size());
  std::size_t at = 0;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w, ++at)
      sample(x, height, width, channels, h + down[at], w + right[at], Edge::reflect,
             out.data() + static_cast<std::ptrdiff_t>(at) * channels);
  return out;
}

// Three corners of a square about the centre, a third of the side away, are jittered; then both displacement fields are α times
// uniform noise in (−1, 1), smoothed. The unit is the height; the published images are square.
ByteImage elastic_transform(const ByteImage& image, int severity, const ImageRandom& random) {
  const Elastic e = kElastic.at(image, severity);
  const int height = image.height, width = image.width;
  const double side = height, jitter = e.affine * side, reach = height / 3;
  const double y = height / 2, x = width / 2;
  // The published code mixes up rows and columns here, which a square does not notice.
  const std::array<std::array<double, 2>, 3> from = {
      {{x + reach, y + reach}, {x + reach, y - reach}, {x - reach, y - reach}}};
  std::array<std::array<double, 2>, 3> to = from;
  const auto n = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  const std::vector<double> moves = uniforms(random, 6);
  for (std::size_t k = 0; k < 6; ++k) to[k / 2][k % 2] += jitter * moves[k];
  std::vector<double> out = warp_affine(to_unit(image), height, width, image.channels, affine_through(from, to));
  if (e.alpha > 0) {
    std::vector<double> fields[2];
    for (std::size_t f = 0; f < 2; ++f) {
      fields[f] = uniforms(random, n, /*first_element=*/8 + f * n);
      gaussian_smooth(fields[f], height, width, 1, e.sigma * side, Edge::reflect, /*truncate=*/3);
      for (double& v : fields[f]) v *= e.alpha * side;
    }
    out = displace(out, height, width, image.channels, fields[0], fields[1]);
  }
  return from_unit(image, out);
}

}  // namespace kelvin
