// Which images the explorer shows: the same for all models, and of every model some of each kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "apps/evaluation/evaluate.h"

namespace kelvin {

// What an image is to one model. wrong: not classified as its label. Of the others, by their margin
// z_y − max_{j≠y} z_j: the lowest quarter is hard, the highest easy, the rest right.
enum class ImageKind { wrong, hard, easy, right };
inline constexpr std::size_t kImageKinds = 4;
[[nodiscard]] const char* name_of(ImageKind kind);

[[nodiscard]] std::vector<ImageKind> kinds_of(const Predictions& predictions);

// `count` positions in the set, ascending. kinds: for each model the kinds of the same images. One image after another
// is drawn of the kind and model that have the fewest so far, in an order given by the seed. Throws a mistake if there
// are fewer images.
[[nodiscard]] std::vector<std::size_t> choose_images(const std::vector<std::vector<ImageKind>>& kinds,
                                                     std::size_t count, std::uint64_t seed);

}  // namespace kelvin
