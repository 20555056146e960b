// Textures of frosted glass. The published generator lays one of five photographs over the image, which are not ours to ship; these
// are a procedural substitute of the same five sizes, so `frost` agrees with the published one in its algorithm and constants,
// not in its textures.
//
// A texture is fern-like: three layers of needles that grow in directions 60° apart, each layer the ridges (1 − |2n − 1|)³ of value
// noise n that is stretched along the needles and bent by a coarser noise, the strongest layer taken at each point; over a
// coarse pattern of thick and thin ice. Blue-grey where there is little ice, white where there is much.
//
//   fade(t) = t²(3 − 2t);  noise(x, y) = values in [0, 1) at whole coordinates, interpolated with fade
//   value at (i, j): word 0 of philox({texture, stream "frost/L"}, (j + 2²⁰)·2³² + i + 2²⁰) / 2³², L the layer's number
//
// A pure function of (texture, point): the same textures in every run, whatever its seed, as photographs would be.
#pragma once

#include <cstdint>
#include <vector>

namespace kelvin {

inline constexpr int kFrostTextures = 5;

struct FrostTexture {
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [H, W, 3]
};

// Texture 0 to 4 at `scale` times its full size (900x600, 560x315, 560x315, 527x350, 660x495), sampled at pixel centres, each side
// rounded to the nearest even integer on a tie. Made once for each (number, scale) and kept; thread-safe.
[[nodiscard]] const FrostTexture& frost_texture(int number, double scale);

}  // namespace kelvin
