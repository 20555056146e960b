// The interface of every attack of this folder other than FGSM and PGD towards one class: images in, broken images out.
//
// A member gets images that the model classifies correctly. For each it reports whether it found an image within ε and in [0, 1] that the
// model classifies as another class: as any other, or as the target if the batch has targets. Random numbers depend on the image only
// (seed, name, restart, index), so that a result does not depend on the other images of the batch, except through the rounding of the
// model's sums.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/attacks/victim.h"

namespace kelvin {

struct MemberResult {
  std::vector<float> pixels;         // [n, H, W, C]: the adversarial image where one was found
  std::vector<std::uint8_t> broken;  // [n]
  std::vector<float> distance;  // [n]: smallest distance found by attacks that minimise it, in their norm; else empty
  std::vector<std::uint8_t> no_gradient;  // [n]: the first gradient was exactly 0; empty for attacks without gradients

  MemberResult() = default;
  explicit MemberResult(const ImageBatch& images) : pixels(images.pixels), broken(images.count(), 0) {}
  void keep(std::size_t row, std::span<const float> image) {
    std::copy(image.begin(), image.end(), pixels.begin() + static_cast<std::ptrdiff_t>(row * image.size()));
    broken[row] = 1;
  }
  // The rows not broken yet.
  [[nodiscard]] std::vector<std::size_t> survivors() const {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < broken.size(); ++i)
      if (broken[i] == 0) rows.push_back(i);
    return rows;
  }
};

struct Member {
  std::string name;
  std::function<MemberResult(const Victim&, const ImageBatch&)> run;
};

}  // namespace kelvin
