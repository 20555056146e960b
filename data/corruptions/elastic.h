// The two steps of the elastic transform, apart so that they can be compared with OpenCV and SciPy.
#pragma once

#include <array>
#include <vector>

namespace kelvin {

// Source to destination: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5].
using Affine = std::array<double, 6>;

// The affine map that takes three points (x, y) to three others (cv2.getAffineTransform).
[[nodiscard]] Affine affine_through(const std::array<std::array<double, 2>, 3>& from,
                                    const std::array<std::array<double, 2>, 3>& to);

// Moves the image [H, W, C] along `map`, bilinear, mirrored at the borders (cv2.warpAffine with BORDER_REFLECT_101).
[[nodiscard]] std::vector<double> warp_affine(const std::vector<double>& x, int height, int width, int channels,
                                              const Affine& map);

// Output (h, w) is the input at (h + down[h, w], w + right[h, w]), bilinear, half-sample symmetric beyond the borders
// (scipy.ndimage.map_coordinates of order 1, mode "reflect").
[[nodiscard]] std::vector<double> displace(const std::vector<double>& x, int height, int width, int channels,
                                           const std::vector<double>& down, const std::vector<double>& right);

}  // namespace kelvin
