// A model under attack, used from the host: logits and input gradients of any rows of a batch.
//
// The attacks of this folder other than those of pgd.h keep their state in host memory, so that a finished image leaves the
// batch: each iteration runs the model on the remaining rows only. The model runs on the device of its parameters, in eval
// mode, and does not change. On a GPU each iteration copies its rows there and back. Black images fill the batch up to the
// next power of two, at least 16, because for each new number of rows the network chooses plans for every convolution
// again, which takes seconds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "apps/attacks/ascent.h"
#include "data/dataset.h"
#include "kernels/device/philox.h"
#include "models/model.h"

namespace kelvin {

// Images of a set, in any order. pixels: [n, height, width, channels] in [0, 1].
struct ImageBatch {
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;     // [n]
  std::vector<std::int32_t> indices;    // [n] positions in the set, from which random numbers are drawn
  std::vector<std::int32_t> targets{};  // [n] the class that each is to be classified as; empty: any but the label

  // The target classes or, without targets, the labels to leave; and whether a prediction of image i is a success of the attack.
  [[nodiscard]] const std::vector<std::int32_t>& goals() const { return targets.empty() ? labels : targets; }
  [[nodiscard]] bool is_reached(std::size_t i, std::int32_t prediction) const {
    return targets.empty() ? prediction != labels[i] : prediction == targets[i];
  }

  [[nodiscard]] std::size_t count() const { return labels.size(); }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(height * width * channels); }  // an image
  [[nodiscard]] std::span<const float> image(std::size_t i) const { return {pixels.data() + i * size(), size()}; }
  [[nodiscard]] ImageBatch select(std::span<const std::size_t> rows) const;
};
[[nodiscard]] ImageBatch image_batch(const ImageSet& set, std::span<const std::size_t> positions);

// The model's results: one row for each image.
struct Answer {
  std::size_t classes = 0, size = 0;
  std::vector<float> logits;    // [m, classes]
  std::vector<float> loss;      // [m]; empty without a loss
  std::vector<float> gradient;  // [m, size], of the sum of the losses with respect to the pixels; empty without a loss

  [[nodiscard]] std::span<const float> logits_of(std::size_t row) const {
    return {logits.data() + row * classes, classes};
  }
  [[nodiscard]] std::span<const float> gradient_of(std::size_t row) const {
    return {gradient.data() + row * size, size};
  }
  [[nodiscard]] std::int32_t prediction(std::size_t row) const;  // of equal logits the first class
  // z_y − max_{j≠y} z_j; the label is left out of the maximum (a mask of −∞)
  [[nodiscard]] float margin(std::size_t row, std::int32_t label) const;
};

class Victim {
 public:
  explicit Victim(Model& model) : model_(model), device_(model.parameters().values().device()) {}

  // pixels: m images like those of `batch`, m = pixels.size() / batch.size().
  [[nodiscard]] Answer classify(const ImageBatch& batch, std::span<const float> pixels) const;
  // The loss may get more rows than m: black images follow.
  [[nodiscard]] Answer look(const ImageBatch& batch, std::span<const float> pixels, const RowLoss& loss) const;

  // The gradient of Σ weight·logit: weights [m, C]. `loss` holds that sum for each row.
  [[nodiscard]] Answer pull_back(const ImageBatch& batch, std::span<const float> pixels,
                                 std::span<const float> weights) const;

  // A column of labels for a loss, as an int32 tensor with one value for each row on the device: `values`, then 0 for the rows that were added.
  [[nodiscard]] Tensor column(std::span<const std::int32_t> values) const;
  [[nodiscard]] Model& model() const { return model_; }
  [[nodiscard]] int classes() const { return model_.spec().classes; }

 private:
  [[nodiscard]] Answer no_answer(const ImageBatch& batch) const;
  [[nodiscard]] std::int64_t rows_seen(std::size_t m) const;
  [[nodiscard]] Tensor images(const ImageBatch& batch, std::span<const float> pixels) const;

  Model& model_;
  Device device_;
};

// Rows of state [n, size] gathered into [m, size].
template <class T>
[[nodiscard]] std::vector<T> gather(const std::vector<T>& state, std::size_t size, std::span<const std::size_t> rows) {
  std::vector<T> out(rows.size() * size);
  for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(state.data() + rows[i] * size, size, out.data() + i * size);
  return out;
}
template <class T>
[[nodiscard]] std::vector<T> gather(const std::vector<T>& values, std::span<const std::size_t> rows) {
  return gather(values, 1, rows);
}

// 0, 1, ..., n − 1
[[nodiscard]] std::vector<std::size_t> all_rows(std::size_t n);

// The random numbers of one image: word i of its own stream.
class ImageRandom {
 public:
  ImageRandom(RandomKey key, std::int32_t index) : key_(key), base_(static_cast<std::uint64_t>(index) << 32) {}
  [[nodiscard]] std::uint32_t bits(std::uint64_t i) const { return philox(key_, base_ + i / 4)[i % 4]; }
  [[nodiscard]] float uniform(std::uint64_t i) const { return uniform01(bits(i)); }               // (0, 1)
  [[nodiscard]] float sign(std::uint64_t i) const { return (bits(i) & 1u) != 0 ? 1.0f : -1.0f; }  // −1 or 1

 private:
  RandomKey key_;
  std::uint64_t base_;
};

}  // namespace kelvin
