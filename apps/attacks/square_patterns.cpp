#include "apps/attacks/square_patterns.h"

#include <algorithm>
#include <cmath>

#include "kernels/attacks/pgd_bounds.h"

namespace kelvin {
namespace {

constexpr double kEmptyWindow = 1e-12;  // keeps an empty window from dividing by zero
constexpr std::int64_t kTiles = 5;

// Indices in an image's random stream: two corners, the orientation, then signs of channels (or of columns and channels).
constexpr std::uint64_t kTop = 0, kLeft = 1, kOtherTop = 2, kOtherLeft = 3, kOrientation = 4, kSigns = 8;

struct Window {
  std::int64_t top, left, side;
  [[nodiscard]] bool holds(std::int64_t y, std::int64_t x) const {
    return y >= top && y < top + side && x >= left && x < left + side;
  }
};

// ⌊U·(size − side)⌋: the authors' draw, which leaves out the last position.
std::int64_t corner(float uniform, std::int64_t size, std::int64_t side) {
  return static_cast<std::int64_t>(uniform * static_cast<float>(size - side));
}

// Adds a stack of centred rectangles to rows [first, first + rows) of a [*, columns] array, with a sign, at norm 1.
void add_rectangles(std::vector<float>& into, std::int64_t first, std::int64_t rows, std::int64_t columns, float sign) {
  std::vector<double> stack(static_cast<std::size_t>(rows * columns), 0.0);
  const std::int64_t row_centre = rows / 2, column_centre = columns / 2;
  for (std::int64_t ring = 0; ring < std::max(row_centre, column_centre) + 1; ++ring) {
    const double weight = 1.0 / static_cast<double>((ring + 1) * (ring + 1));
    const std::int64_t top = row_centre - ring, left = column_centre - ring;
    for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + 2 * ring + 1, rows); ++y)
      for (std::int64_t x = std::max<std::int64_t>(left, 0); x < std::min(left + 2 * ring + 1, columns); ++x)
        stack[static_cast<std::size_t>(y * columns + x)] += weight;
  }
  double squares = 0;
  for (const double v : stack) squares += v * v;
  for (std::size_t i = 0; i < stack.size(); ++i)
    into[static_cast<std::size_t>(first * columns) + i] = sign * static_cast<float>(stack[i] / std::sqrt(squares));
}

// trial = clip(x0 + ε·move/‖move‖)
void place(const Canvas& c, std::span<const float> move, float eps) {
  double squares = 0;
  for (const float v : move) squares += static_cast<double>(v) * static_cast<double>(v);
  const auto factor = static_cast<float>(static_cast<double>(eps) / (std::sqrt(squares) + kEmptyWindow));
  for (std::size_t i = 0; i < move.size(); ++i) c.trial[i] = clamp_to_box(c.x0[i] + factor * move[i]);
}

}  // namespace

void stripes(const Canvas& c, float eps, const ImageRandom& random) {
  std::vector<float> colours(static_cast<std::size_t>(c.width * c.channels));
  for (std::size_t i = 0; i < colours.size(); ++i) colours[i] = eps * random.sign(i);
  for (std::size_t i = 0; i < c.x0.size(); ++i)
    c.trial[i] = project_linf(c.x0[i] + colours[i % colours.size()], c.x0[i], eps);
}

void recolour(const Canvas& c, float eps, std::int64_t side, const ImageRandom& random) {
  const std::int64_t top = corner(random.uniform(kTop), c.height, side),
                     left = corner(random.uniform(kLeft), c.width, side);
  std::vector<float> colours(static_cast<std::size_t>(c.channels));
  for (std::size_t k = 0; k < colours.size(); ++k) colours[k] = 2 * eps * random.sign(kSigns + k);
  std::copy(c.best.begin(), c.best.end(), c.trial.begin());
  for (std::int64_t y = top; y < top + side; ++y)
    for (std::size_t i = c.at(y, left, 0), k = 0; i < c.at(y, left + side, 0);
         ++i, k = k + 1 < colours.size() ? k + 1 : 0)
      c.trial[i] = project_linf(c.best[i] + colours[k], c.x0[i], eps);
}

std::vector<float> bump(std::int64_t side, bool is_transposed) {
  std::vector<float> halves(static_cast<std::size_t>(side * side), 0.0f);
  const std::int64_t upper = side / 2;
  if (upper > 0) add_rectangles(halves, 0, upper, side, 1.0f);
  add_rectangles(halves, upper, side - upper, side, -1.0f);
  const float scale = upper > 0 ? std::sqrt(0.5f) : 1.0f;  // each half has norm 1
  std::vector<float> out(halves.size());
  for (std::int64_t y = 0; y < side; ++y)
    for (std::int64_t x = 0; x < side; ++x)
      out[static_cast<std::size_t>(y * side + x)] =
          scale * halves[static_cast<std::size_t>(is_transposed ? x * side + y : y * side + x)];
  return out;
}

void grid_of_bumps(const Canvas& c, float eps, const ImageRandom& random) {
  const std::int64_t side = std::max<std::int64_t>(1, c.height / kTiles);
  const std::int64_t margin = std::max<std::int64_t>(0, (c.height - side * kTiles) / 2);  // in both directions
  std::vector<float> move(c.x0.size(), 0.0f);
  std::uint64_t word = kSigns;
  for (std::int64_t top = margin; top + side <= c.height; top += side)
    for (std::int64_t left = margin; left + side <= c.width; left += side) {
      const std::vector<float> shape = bump(side, random.uniform(word++) > 0.5f);
      for (std::int64_t k = 0; k < c.channels; ++k) {
        const float sign = random.sign(word++);
        for (std::int64_t y = 0; y < side; ++y)
          for (std::int64_t x = 0; x < side; ++x)
            move[c.at(top + y, left + x, k)] += sign * shape[static_cast<std::size_t>(y * side + x)];
      }
    }
  place(c, move, eps);
}

void move_mass(const Canvas& c, float eps, std::int64_t side, const ImageRandom& random) {
  const Window to{corner(random.uniform(kTop), c.height, side), corner(random.uniform(kLeft), c.width, side), side};
  const Window from{corner(random.uniform(kOtherTop), c.height, side),
                    corner(random.uniform(kOtherLeft), c.width, side), side};
  std::vector<float> move(c.x0.size());
  // Squared norms: of the whole perturbation, and of each channel's part inside the target window and inside either window.
  double all = 0;
  std::vector<double> target(static_cast<std::size_t>(c.channels), 0.0), windows(target);
  for (std::int64_t y = 0; y < c.height; ++y)
    for (std::int64_t x = 0; x < c.width; ++x)
      for (std::int64_t k = 0; k < c.channels; ++k) {
        const std::size_t i = c.at(y, x, k);
        move[i] = c.best[i] - c.x0[i];
        const double square = static_cast<double>(move[i]) * static_cast<double>(move[i]);
        all += square;
        if (to.holds(y, x)) target[static_cast<std::size_t>(k)] += square;
        if (to.holds(y, x) || from.holds(y, x)) windows[static_cast<std::size_t>(k)] += square;
      }
  const double left_over = std::max(static_cast<double>(eps) * static_cast<double>(eps) - all, 0.0);

  // Computes the new content of the window first, because the two windows may overlap.
  const std::vector<float> shape = bump(side, random.uniform(kOrientation) > 0.5f);
  std::vector<double> content(static_cast<std::size_t>(side * side * c.channels));
  for (std::int64_t k = 0; k < c.channels; ++k) {
    const float sign = random.sign(kSigns + static_cast<std::uint64_t>(k));
    const double old = kEmptyWindow + std::sqrt(target[static_cast<std::size_t>(k)]);
    double squares = 0;
    for (std::int64_t p = 0; p < side * side; ++p) {
      double& v = content[static_cast<std::size_t>(p * c.channels + k)];
      v = static_cast<double>(sign * shape[static_cast<std::size_t>(p)]) +
          static_cast<double>(move[c.at(to.top + p / side, to.left + p % side, k)]) / old;
      squares += v * v;
    }
    const double length = std::sqrt(left_over / static_cast<double>(c.channels) + windows[static_cast<std::size_t>(k)]);
    const double scale = length / (kEmptyWindow + std::sqrt(squares));
    for (std::int64_t p = 0; p < side * side; ++p) content[static_cast<std::size_t>(p * c.channels + k)] *= scale;
  }
  for (std::int64_t y = 0; y < side; ++y)
    for (std::int64_t x = 0; x < side; ++x)
      for (std::int64_t k = 0; k < c.channels; ++k) move[c.at(from.top + y, from.left + x, k)] = 0;
  for (std::int64_t p = 0; p < side * side; ++p)
    for (std::int64_t k = 0; k < c.channels; ++k)
      move[c.at(to.top + p / side, to.left + p % side, k)] =
          static_cast<float>(content[static_cast<std::size_t>(p * c.channels + k)]);
  place(c, move, eps);
}

}  // namespace kelvin
