// The edge detector, distance transform and histogram equalisation that `spatter` draws water drops with: OpenCV's, on one-channel
// 8-bit images [H, W], to the bit where OpenCV's arithmetic is in integers.
#pragma once

#include <cstdint>
#include <vector>

namespace kelvin {

struct Plane {
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [H, W]
};

// Edges as 255, the rest 0 (Canny 1986; cv2.Canny with aperture 3): 3x3 Sobel with replicated borders, |dx| + |dy|, thinned
// across the gradient in four directions, kept where above `low` and connected to a pixel above `high`.
[[nodiscard]] Plane canny(const Plane& image, int low, int high);

// Distance of each pixel to the nearest 0, by steps of 1, 1.4 (diagonal) and 2.1969 (knight's move), in 1/65536 (Borgefors 1986;
// cv2.distanceTransform, DIST_L2, mask 5). Very large where there is no 0.
[[nodiscard]] std::vector<float> distance_to_zero(const Plane& image);

// Spreads the histogram over 0 to 255 (cv2.equalizeHist).
[[nodiscard]] Plane equalize_histogram(const Plane& image);

// How thick water lies where drops do: edges of `liquid` -> distance up to 20 -> box -> equalised -> embossed -> box. Times liquid/255
// it is the drops' shading.
[[nodiscard]] Plane drop_relief(const Plane& liquid);

}  // namespace kelvin
