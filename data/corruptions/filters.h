// Filters that several corruptions use. Images are [H, W, C] in double.
#pragma once

#include <cstdint>
#include <vector>

#include "data/corruptions/corruption.h"

namespace kelvin {

// How a line goes on beyond its ends a b c d:
enum class Edge {
  nearest,  // a a | a b c d | d d
  reflect,  // b a | a b c d | d c   (half-sample symmetric)
  mirror,   // c b | a b c d | c b   (OpenCV's BORDER_REFLECT_101)
};
// The index inside [0, size) that stands for index i, however far outside.
[[nodiscard]] int edge_index(int i, int size, Edge edge);

// Gaussian smoothing in place, each channel on its own: taps exp(−k²/2σ²) to int(truncate·σ + ½) on either side, normalised. σ = 0
// or a radius of 0 leaves x as it is. As scipy.ndimage.gaussian_filter.
void gaussian_smooth(std::vector<double>& x, int height, int width, int channels, double sigma, Edge edge,
                     double truncate = 4);

// One-sided Gaussian trail of 2·radius+1 taps exp(−i²/2σ²) in the direction of `angle` (radians), whole-pixel offsets, replicated
// edges. Sums are rounded to the nearest of 16 bits and then down to 8: what ImageMagick, which the published generator asks, writes.
[[nodiscard]] ByteImage motion_trail(const ByteImage& image, int radius, double sigma, double angle);

// Where a sample of an axis enlarged by `factor` comes from: the middle ceil(length/factor) samples, spread over round(crop·factor)
// with corners aligned, of which the middle `length` are kept.
struct ZoomAxis {
  ZoomAxis(int length, double factor);
  std::vector<int> low, high;    // [length] neighbouring samples
  std::vector<double> fraction;  // [length] of the way from low to high
};
// Enlarges about the centre, bilinear: x [H, W, C] -> [H, W, C].
[[nodiscard]] std::vector<double> center_zoom(const std::vector<double>& x, int height, int width, int channels,
                                              double factor);

}  // namespace kelvin
