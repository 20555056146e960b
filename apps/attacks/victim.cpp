#include "apps/attacks/victim.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "engine/tape.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

// A tensor [m, ...] on the device: the values, then zeros.
template <class T>
Tensor filled_up(std::span<const T> values, const Shape& shape, Device device) {
  if (shape.size() == static_cast<std::int64_t>(values.size())) return Tensor::from_host<T>(values, shape, device);
  std::vector<T> all(values.begin(), values.end());
  all.resize(static_cast<std::size_t>(shape.size()));
  return Tensor::from_host<T>(all, shape, device);
}

// The number of images in `pixels`.
std::size_t rows_of(const ImageBatch& batch, std::span<const float> pixels) { return pixels.size() / batch.size(); }

// The first m rows.
std::vector<float> first_rows(const Tensor& t, std::size_t m) {
  return t.narrow(0, static_cast<std::int64_t>(m)).to_host<float>();
}

}  // namespace

ImageBatch ImageBatch::select(std::span<const std::size_t> rows) const {
  return {height,
          width,
          channels,
          gather(pixels, size(), rows),
          gather(labels, rows),
          gather(indices, rows),
          targets.empty() ? targets : gather(targets, rows)};
}

ImageBatch image_batch(const ImageSet& set, std::span<const std::size_t> positions) {
  ImageBatch batch{set.height, set.width, set.channels, {}, {}, {}};
  batch.pixels.resize(positions.size() * batch.size());
  set.copy_images(std::vector<std::int64_t>(positions.begin(), positions.end()), batch.pixels.data());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    batch.labels.push_back(set.labels[positions[i]]);
    batch.indices.push_back(static_cast<std::int32_t>(positions[i]));
  }
  return batch;
}

std::int32_t Answer::prediction(std::size_t row) const {
  const auto z = logits_of(row);
  return static_cast<std::int32_t>(std::max_element(z.begin(), z.end()) - z.begin());
}

float Answer::margin(std::size_t row, std::int32_t label) const {
  const auto z = logits_of(row);
  float best_other = -std::numeric_limits<float>::infinity();
  for (std::size_t j = 0; j < z.size(); ++j)
    if (j != static_cast<std::size_t>(label)) best_other = std::max(best_other, z[j]);
  return z[static_cast<std::size_t>(label)] - best_other;
}

std::int64_t Victim::rows_seen(std::size_t m) const {
  constexpr std::size_t kFewest = 16;
  return static_cast<std::int64_t>(device_.kind == DeviceKind::cpu ? m : std::bit_ceil(std::max(m, kFewest)));
}

Tensor Victim::images(const ImageBatch& batch, std::span<const float> pixels) const {
  return filled_up(pixels, {rows_seen(rows_of(batch, pixels)), batch.height, batch.width, batch.channels}, device_);
}

Answer Victim::no_answer(const ImageBatch& batch) const {
  processes().still_working();  // each pass through the network begins here
  return {static_cast<std::size_t>(classes()), batch.size(), {}, {}, {}};
}

Answer Victim::classify(const ImageBatch& batch, std::span<const float> pixels) const {
  Answer a = no_answer(batch);
  if (pixels.empty()) return a;
  a.logits = first_rows(model_.forward(images(batch, pixels), Mode::eval), rows_of(batch, pixels));
  return a;
}

Answer Victim::look(const ImageBatch& batch, std::span<const float> pixels, const RowLoss& loss) const {
  Answer a = no_answer(batch);
  if (pixels.empty()) return a;
  const GradientPoint p = kelvin::look(model_, images(batch, pixels), loss);
  const std::size_t m = rows_of(batch, pixels);
  a.logits = first_rows(p.logits, m);
  a.loss = first_rows(p.loss, m);
  a.gradient = first_rows(p.gradient, m);
  return a;
}

Answer Victim::pull_back(const ImageBatch& batch, std::span<const float> pixels, std::span<const float> weights) const {
  Answer a = no_answer(batch);
  if (pixels.empty()) return a;
  const Tensor x = images(batch, pixels);
  Tape tape({x});
  const Tensor logits = model_.forward(x, Mode::eval);
  tape.backward(logits, filled_up(weights, logits.shape(), device_));
  const std::size_t m = rows_of(batch, pixels);
  a.logits = first_rows(logits, m);
  a.gradient = first_rows(tape.gradient(x), m);
  for (std::size_t row = 0; row * a.classes < weights.size(); ++row) {
    const auto z = a.logits_of(row);
    a.loss.push_back(
        std::inner_product(z.begin(), z.end(), weights.begin() + static_cast<std::ptrdiff_t>(row * a.classes), 0.0f));
  }
  return a;
}

Tensor Victim::column(std::span<const std::int32_t> values) const {
  return filled_up(values, {rows_seen(values.size())}, device_);
}

std::vector<std::size_t> all_rows(std::size_t n) {
  std::vector<std::size_t> rows(n);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

}  // namespace kelvin
