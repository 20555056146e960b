// Position embeddings of a vision transformer for another grid of patches: bicubic interpolation with antialiasing, as timm's
// resample_abs_pos_embed.
#pragma once

#include <cstdint>
#include <vector>

namespace kelvin {

struct PatchGrid {
  std::int64_t rows = 0, cols = 0;
  [[nodiscard]] std::int64_t size() const { return rows * cols; }
  bool operator==(const PatchGrid&) const = default;
};

// The grid of that many patches on images of height x width; rows = 0 where there is none.
[[nodiscard]] PatchGrid patch_grid(std::int64_t patches, std::int64_t height, std::int64_t width);

// Positions [1, 1 + from.size(), width] resampled to [1, 1 + to.size(), width]; the first token (the class token's) is kept.
[[nodiscard]] std::vector<float> resample_positions(const std::vector<float>& positions, std::int64_t width,
                                                    PatchGrid from, PatchGrid to);

}  // namespace kelvin
