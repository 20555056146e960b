#include "apps/analysis/gradient_presence.h"

#include <algorithm>
#include <cmath>

#include "apps/attacks/ball.h"
#include "apps/evaluation/shared_batches.h"

namespace kelvin {
namespace {

constexpr std::int64_t kPresenceBatch = 128;

Answer float32_cross_entropy(const Victim& victim, const ImageBatch& batch, std::span<const float> pixels, double tau) {
  const Tensor labels = victim.column(batch.labels);
  return victim.look(batch, pixels,
                     [&](const Tensor& logits) { return attack_loss(AttackLoss::cross_entropy, logits, labels, tau); });
}

std::vector<float> points_of(const ImageBatch& batch, const AttackOptions& o, bool at_random_start) {
  if (!at_random_start) return batch.pixels;
  const Ball ball{o.norm, o.eps};
  const RandomKey key{o.seed, random_stream("gradient_presence")};
  std::vector<float> pixels;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const std::vector<float> start = ball.start_inside(batch.image(i), ImageRandom(key, batch.indices[i]));
    pixels.insert(pixels.end(), start.begin(), start.end());
  }
  return pixels;
}

}  // namespace

std::vector<float> float64_cross_entropy_weights(std::span<const float> logits, std::int32_t label, double tau) {
  const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> p(logits.size());
  double total = 0;
  for (std::size_t j = 0; j < p.size(); ++j) total += p[j] = std::exp((static_cast<double>(logits[j]) - top) / tau);
  double largest = 0;
  for (std::size_t j = 0; j < p.size(); ++j) {
    p[j] = p[j] / total - (j == static_cast<std::size_t>(label) ? 1.0 : 0.0);
    largest = std::max(largest, std::abs(p[j]));
  }
  std::vector<float> weights(p.size(), 0.0f);
  for (std::size_t j = 0; j < p.size() && largest > 0; ++j) weights[j] = static_cast<float>(p[j] / largest);
  return weights;
}

Answer float64_cross_entropy(const Victim& victim, const ImageBatch& batch, std::span<const float> pixels,
                             std::span<const std::int32_t> labels, double tau) {
  const Answer a = victim.classify(batch, pixels);
  std::vector<float> weights;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const std::vector<float> w = float64_cross_entropy_weights(a.logits_of(row), labels[row], tau);
    weights.insert(weights.end(), w.begin(), w.end());
  }
  return victim.pull_back(batch, pixels, weights);
}

GradientPresence gradient_presence(Model& model, const ImageSet& set, const AttackOptions& o,
                                   const GradientPlace& place) {
  const Victim victim(model);
  struct Image {
    std::uint8_t is_correct = 0, is_zero = 0;
    double zero_coordinates = 0;  // a share
  };
  std::vector<Image> images(static_cast<std::size_t>(set.count));
  each_own_batch(set.count, kPresenceBatch, [&](std::int64_t first, std::int64_t n) {
    std::vector<std::size_t> rows = all_rows(static_cast<std::size_t>(n));
    for (std::size_t& row : rows) row += static_cast<std::size_t>(first);
    ImageBatch batch = image_batch(set, rows);
    const Answer clean = victim.classify(batch, batch.pixels);
    std::vector<std::size_t> correct;
    for (std::size_t i = 0; i < batch.count(); ++i)
      if (clean.prediction(i) == batch.labels[i]) correct.push_back(i);
    batch = batch.select(correct);
    const std::vector<float> pixels = points_of(batch, o, place.at_random_start);
    const Answer a = place.precision == SoftmaxPrecision::float64
                         ? float64_cross_entropy(victim, batch, pixels, batch.labels, place.tau)
                         : float32_cross_entropy(victim, batch, pixels, place.tau);
    for (std::size_t i = 0; i < batch.count(); ++i) {
      const auto g = a.gradient_of(i);
      const auto zeros = std::count(g.begin(), g.end(), 0.0f), all = std::ssize(g);
      images[rows[correct[i]]] = {1, static_cast<std::uint8_t>(zeros == all ? 1 : 0),
                                  static_cast<double>(zeros) / static_cast<double>(all)};
    }
  });
  share_rows(std::span(images), 1, kPresenceBatch);
  GradientPresence found;
  for (const Image& image : images) {
    found.images += image.is_correct;
    found.zero_images += image.is_zero;
    found.zero_coordinates += image.zero_coordinates;
    found.is_zero.push_back(image.is_zero);
  }
  const auto n = static_cast<double>(std::max<std::int64_t>(found.images, 1));
  found.zero_images /= n;
  found.zero_coordinates /= n;
  return found;
}

}  // namespace kelvin
