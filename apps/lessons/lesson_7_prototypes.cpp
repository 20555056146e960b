// Lesson 7. Does a high temperature keep a feature equally far from all wrong prototypes?
//
//   D_j = |f − w_j|,   D_j² = |f|² + |w_j|² − 2 f·w_j        over the wrong classes j
//
// Logits grow with τ, and so do f and W: the variance of D_j has their units squared. The test: multiply the last
// layer of one model by 50. No prediction changes, but the variance does, and so does std/mean, which is free of a
// common unit only. Unit vectors are free of both lengths.
#include <cmath>
#include <cstdio>
#include <numeric>

#include "apps/lessons/claim.h"
#include "data/tensor_batch.h"
#include "engine/ops/losses.h"
#include "engine/optim.h"
#include "engine/tape.h"
#include "models/model.h"

using namespace kelvin;

static std::unique_ptr<Model> train(const Dataset& data, double tau) {
  auto model = make_model(spec_for(data, "mlp"), {}, /*seed=*/0);
  Optimizer optimizer(model->parameters(), {.momentum = 0.9f});
  const auto step = [&](const TensorBatch& batch) {
    {
      Tape tape(model->parameters(), ParameterGradients::replace);
      tape.backward(mean(softmax_cross_entropy(model->forward(batch.images, Mode::train), batch.labels, tau)));
    }
    optimizer.step(Tensor::full({1}, static_cast<float>(0.02 * tau)));
  };
  for (int epoch = 0; epoch < 5; ++epoch) for_each_batch(data.train, 128, {}, step);
  return model;
}

static std::pair<double, double> variance_and_ratio(const std::vector<double>& v) {
  double mean = 0, squares = 0;
  for (const double x : v) mean += x / static_cast<double>(v.size());
  for (const double x : v) squares += (x - mean) * (x - mean) / static_cast<double>(v.size());
  return {squares, std::sqrt(squares) / mean};
}

struct Row {  // means over images
  double variance = 0, relative = 0, unit = 0;
};

static Row measure(const char* name, Model& model, const TensorBatch& test, double head_scale) {
  const std::vector<float> f = model.features(test.images, Mode::eval).to_host<float>();
  const std::vector<float> w = model.prototypes().value.to_host<float>();
  const std::vector<std::int32_t> labels = test.labels.to_host<std::int32_t>();
  const std::size_t d = f.size() / labels.size(), n = labels.size();
  const auto dot = [d](const float* a, const float* b) { return std::inner_product(a, a + d, b, 0.0); };
  Row row;
  for (std::size_t image = 0; image < n; ++image) {
    const float* const a = f.data() + image * d;
    std::vector<double> distances, unit_distances;
    for (std::size_t j = 0; j < w.size() / d; ++j) {
      if (static_cast<std::int32_t>(j) == labels[image]) continue;
      const float* const b = w.data() + j * d;
      const double aa = dot(a, a), bb = dot(b, b), ab = dot(a, b);
      distances.push_back(std::sqrt(aa + head_scale * head_scale * bb - 2 * head_scale * ab));
      unit_distances.push_back(std::sqrt(2 - 2 * ab / std::sqrt(aa * bb)));
    }
    const auto [variance, relative] = variance_and_ratio(distances);
    row.variance += variance / static_cast<double>(n), row.relative += relative / static_cast<double>(n);
    row.unit += variance_and_ratio(unit_distances).second / static_cast<double>(n);
  }
  std::printf("%-20s %12.4g %12.3f %18.3f\n", name, row.variance, row.relative, row.unit);
  return row;
}

int main(int argc, char** argv) {
  const Dataset data = load_dataset(argc > 1 ? argv[1] : "fashion-mnist", {.train_limit = 20000, .test_limit = 500});
  const TensorBatch test = tensor_batch(data.test, 0, data.test.count, {});
  const auto usual = train(data, 1), hot = train(data, 50);
  std::printf("%-20s %12s %12s %18s\n", "distances", "variance", "std / mean", "of unit vectors");
  const Row one = measure("tau 1", *usual, test, 1), scaled = measure("tau 1, head x 50", *usual, test, 50);
  const Row fifty = measure("tau 50", *hot, test, 1);
  claim(scaled.variance > 100 * one.variance && scaled.relative > 2 * one.relative, "a scale alone moves both");
  claim(scaled.unit == one.unit && fifty.unit > one.unit, "of unit vectors, distances are less equal at tau = 50");
}
