// The patterns of the Square attack: its starts and its changes of one window, L∞ and L2. Operations and constants follow the authors' code in
// AutoAttack.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/attacks/victim.h"

namespace kelvin {

// An image [height, width, channels] under attack, and the trial image to be made from it.
struct Canvas {
  std::int64_t height, width, channels;
  std::span<const float> x0;    // the clean image
  std::span<const float> best;  // the best so far; not read by the starts
  std::span<float> trial;       // overwritten
  [[nodiscard]] std::size_t at(std::int64_t y, std::int64_t x, std::int64_t channel) const {
    return static_cast<std::size_t>((y * width + x) * channels + channel);
  }
};

// Vertical stripes: one sign for each column and channel.
void stripes(const Canvas& canvas, float eps, const ImageRandom& random);
// A square of `side` of the best image moved by ±2ε, one sign for each channel, and projected onto the ball.
void recolour(const Canvas& canvas, float eps, std::int64_t side, const ImageRandom& random);

// Bumps of alternating sign on a grid, scaled to ‖trial − x0‖₂ = ε before clipping to [0, 1].
void grid_of_bumps(const Canvas& canvas, float eps, const ImageRandom& random);
// A window's perturbation becomes, channel by channel, its own direction plus a bump, with the squared norm that the channel had in both
// windows and an equal share of ε² − ‖best − x0‖₂²; the other window is emptied. Then scaled and clipped as above.
void move_mass(const Canvas& canvas, float eps, std::int64_t side, const ImageRandom& random);

// [side, side]: two halves of opposite sign, each a stack of centred rectangles that weigh 1, 1/4, 1/9, ...; ‖bump‖₂ = 1.
[[nodiscard]] std::vector<float> bump(std::int64_t side, bool is_transposed);

}  // namespace kelvin
