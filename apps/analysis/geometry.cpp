#include "apps/analysis/geometry.h"

#include <algorithm>
#include <cmath>

#include "data/tensor_batch.h"
#include "kernels/arrays/prototype_distances.h"

namespace kelvin {
namespace {

struct Moments {
  double mean = 0, variance = 0;
  [[nodiscard]] double coefficient() const { return mean > 0 ? std::sqrt(variance) / mean : 0; }
};

// Mean and variance of the values j ≠ skip; skip −1: of all values.
Moments moments(const float* values, std::size_t n, std::int32_t skip = -1) {
  double sum = 0, squares = 0, count = 0;
  for (std::size_t j = 0; j < n; ++j) {
    if (static_cast<std::int32_t>(j) == skip) continue;
    sum += values[j];
    ++count;
  }
  const double mean = sum / count;
  for (std::size_t j = 0; j < n; ++j)
    if (static_cast<std::int32_t>(j) != skip) squares += (values[j] - mean) * (values[j] - mean);
  return {mean, squares / count};
}

Tensor distances_between(const Tensor& features, const Tensor& prototypes) {
  const Tensor d = Tensor::empty({features.dim(0), prototypes.dim(0)}, DType::f32, features.device());
  on(d.device(), [&](const auto& dev) {
    prototype_distances(dev, d.view<float>(), features.view<const float>(), prototypes.view<const float>());
  });
  return d;
}

std::vector<float> row_norms(const std::vector<float>& matrix, std::size_t width) {
  std::vector<float> norms;
  for (std::size_t row = 0; row < matrix.size() / width; ++row) {
    double sum = 0;
    for (std::size_t k = 0; k < width; ++k)
      sum += static_cast<double>(matrix[row * width + k]) * matrix[row * width + k];
    norms.push_back(static_cast<float>(std::sqrt(sum)));
  }
  return norms;
}

// Rows scaled to length 1; zero rows stay zero.
Tensor normalize_rows(const Tensor& t) {
  std::vector<float> values = t.to_host<float>();
  const auto width = static_cast<std::size_t>(t.dim(1));
  const std::vector<float> norms = row_norms(values, width);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (norms[i / width] > 0) values[i] /= norms[i / width];
  return Tensor::from_host<float>(values, t.shape(), t.device());
}

// Of the cosines between two prototypes; for unit rows ‖a − b‖² = 2 − 2 cos.
void measure_prototype_cosines(const Tensor& unit_rows, Geometry& g) {
  const std::vector<float> d = distances_between(unit_rows, unit_rows).to_host<float>();
  const auto n = static_cast<std::size_t>(unit_rows.dim(0));
  const double pairs = static_cast<double>(n * (n - 1) / 2), simplex = -1 / static_cast<double>(n - 1);
  std::vector<double> cosines;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) cosines.push_back(1 - static_cast<double>(d[i * n + j]) * d[i * n + j] / 2);
  for (const double cosine : cosines) {
    g.prototype_cosine += cosine / pairs;
    g.prototype_cosine_deviation += std::abs(cosine - simplex) / pairs;
  }
  double variance = 0;
  for (const double cosine : cosines) variance += (cosine - g.prototype_cosine) * (cosine - g.prototype_cosine) / pairs;
  g.prototype_cosine_spread = std::sqrt(variance);
}

Histogram histogram_of(const std::vector<float>& values, int bins, double begin, double end) {
  const double width = std::max(end - begin, 1e-12) / bins;
  Histogram h;
  for (int i = 0; i <= bins; ++i) h.edges.push_back(begin + i * width);
  h.counts.assign(static_cast<std::size_t>(bins), 0);
  for (const float v : values)
    ++h.counts[static_cast<std::size_t>(std::clamp(static_cast<int>((v - begin) / width), 0, bins - 1))];
  return h;
}

}  // namespace

Geometry measure_geometry(Model& model, const ImageSet& set, std::int64_t batch_size, int bins) {
  if (set.count < 1) throw mistake("geometry needs at least one image");
  const Tensor& prototypes = model.prototypes().value;
  const Tensor unit_prototypes = normalize_rows(prototypes);
  const auto classes = static_cast<std::size_t>(prototypes.dim(0)), width = static_cast<std::size_t>(prototypes.dim(1));
  Geometry g;
  std::vector<float> negatives, unit_negatives, features;
  std::vector<std::int32_t> predictions;
  for_each_batch(set, batch_size, prototypes.device(), [&](const TensorBatch& batch) {
    const Tensor f = model.features(batch.images, Mode::eval);
    const std::vector<float> raw = distances_between(f, prototypes).to_host<float>();
    const std::vector<float> unit = distances_between(normalize_rows(f), unit_prototypes).to_host<float>();
    const std::vector<float> rows = f.to_host<float>(), norms = row_norms(rows, width);
    const std::vector<float> logits = model.logits(f).to_host<float>();
    features.insert(features.end(), rows.begin(), rows.end());
    for (std::size_t i = 0; i < norms.size(); ++i) {
      const std::int32_t label = set.labels[static_cast<std::size_t>(batch.first) + i];
      const Moments m = moments(raw.data() + i * classes, classes, label);
      g.mean_distance += m.mean;
      g.mean_distance_variance += m.variance;
      g.coefficient_of_variation += m.coefficient();
      g.cosine_coefficient_of_variation += moments(unit.data() + i * classes, classes, label).coefficient();
      g.feature_norm += norms[i];
      for (std::size_t j = 0; j < classes; ++j)
        if (static_cast<std::int32_t>(j) != label) {
          negatives.push_back(raw[i * classes + j]);
          unit_negatives.push_back(unit[i * classes + j]);
        }
      const float* const z = logits.data() + i * classes;
      predictions.push_back(static_cast<std::int32_t>(std::max_element(z, z + classes) - z));
    }
  });
  g.n = set.count;
  for (double* total : {&g.mean_distance, &g.mean_distance_variance, &g.coefficient_of_variation,
                        &g.cosine_coefficient_of_variation, &g.feature_norm})
    *total /= static_cast<double>(set.count);
  const std::vector<float> w = prototypes.to_host<float>(), norms = row_norms(w, width);
  const Moments m = moments(norms.data(), norms.size());
  g.prototype_norm = m.mean;
  g.prototype_norm_spread = m.coefficient();
  measure_prototype_cosines(unit_prototypes, g);
  const auto [least, most] = std::minmax_element(negatives.begin(), negatives.end());
  g.histogram = histogram_of(negatives, bins, *least, *most);
  g.unit_histogram = histogram_of(unit_negatives, bins, 0, 2);
  g.collapse = measure_collapse(features, set.labels, predictions, w, width);
  g.feature_rank = measure_feature_rank(features, width);
  return g;
}

nlohmann::json to_json(const Geometry& g, double train_tau) {
  const auto histogram = [](const Histogram& h) { return nlohmann::json{{"edges", h.edges}, {"counts", h.counts}}; };
  nlohmann::json json = {{"n", g.n},
                         {"mean_distance", g.mean_distance},
                         {"mean_distance_variance", g.mean_distance_variance},
                         {"coefficient_of_variation", g.coefficient_of_variation},
                         {"cosine_coefficient_of_variation", g.cosine_coefficient_of_variation},
                         {"feature_norm", g.feature_norm},
                         {"prototype_norm", g.prototype_norm},
                         {"prototype_norm_spread", g.prototype_norm_spread},
                         {"prototype_cosine", g.prototype_cosine},
                         {"prototype_cosine_spread", g.prototype_cosine_spread},
                         {"prototype_cosine_deviation", g.prototype_cosine_deviation},
                         {"histogram", histogram(g.histogram)},
                         {"unit_histogram", histogram(g.unit_histogram)},
                         {"feature_rank",
                          {{"dimension", g.feature_rank.dimension},
                           {"numerical", g.feature_rank.numerical},
                           {"one_percent", g.feature_rank.one_percent},
                           {"effective", g.feature_rank.effective},
                           {"stable", g.feature_rank.stable},
                           {"variance_shares", g.feature_rank.variance_shares}}},
                         {"collapse", nullptr},
                         {"train_tau", train_tau}};
  if (g.collapse)
    json["collapse"] = {{"classes", g.collapse->classes},
                        {"within_between", g.collapse->within_between},
                        {"class_mean_norm_spread", g.collapse->class_mean_norm_spread},
                        {"class_mean_cosine_deviation", g.collapse->class_mean_cosine_deviation},
                        {"class_mean_alignment", g.collapse->class_mean_alignment},
                        {"nearest_centre_agreement", g.collapse->nearest_centre_agreement}};
  return json;
}

}  // namespace kelvin
