// A classifier of Gaussian classes that needs no training: random features, and as its last layer the nearest class mean. Its robustness
// is real, its leads are what a test asks for, and an audit of it takes a second.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "apps/evaluation/evaluate.h"
#include "apps/evaluation/percentile.h"
#include "data/dataset.h"
#include "models/model.h"

namespace kelvin::testing {

struct Toy {
  std::unique_ptr<Model> model;
  ImageSet images;  // 100 test images
};

inline void scale_logits(const Model& model, float factor) {
  for (const Parameter* p : {&model.prototypes(), &model.prototype_bias()}) {
    std::vector<float> values = p->value.to_host<float>();
    for (float& v : values) v *= factor;
    p->value.copy_from_host(values);
  }
}

// The median lead of the label's logit over the images.
inline double median_lead(const Predictions& p) {
  std::vector<double> leads;
  for (std::int64_t i = 0; i < p.count; ++i) {
    const float* z = p.logits.data() + i * p.classes;
    float other = -1e30f;
    for (int j = 0; j < p.classes; ++j)
      if (j != p.labels[static_cast<std::size_t>(i)]) other = std::max(other, z[j]);
    leads.push_back(static_cast<double>(z[p.labels[static_cast<std::size_t>(i)]] - other));
  }
  return percentile(leads, 50);
}

inline Toy toy_classifier(double lead) {
  const Dataset data = load_dataset("synthetic:train=500,test=100,size=8", {});
  Toy toy{make_model({.name = "mlp", .channels = 1, .height = 8, .width = 8, .mean = {0.5f}, .std = {0.25f}}, {}, 1),
          data.test};
  const std::int64_t d = toy.model->prototypes().value.dim(1);
  std::vector<float> pixels(static_cast<std::size_t>(data.train.count * data.train.pixels()));
  for (std::int64_t i = 0; i < data.train.count; ++i) data.train.copy_image(i, pixels.data() + i * data.train.pixels());
  const std::vector<float> f =
      toy.model->features(Tensor::from_host<float>(pixels, {data.train.count, 8, 8, 1}, {}), Mode::eval)
          .to_host<float>();
  std::vector<float> means(static_cast<std::size_t>(10 * d), 0.0f), bias(10, 0.0f);
  const float each = 10.0f / static_cast<float>(data.train.count);  // labels cycle: as many images in every class
  for (std::int64_t i = 0; i < data.train.count; ++i)
    for (std::int64_t k = 0; k < d; ++k)
      means[static_cast<std::size_t>(data.train.labels[static_cast<std::size_t>(i)] * d + k)] +=
          each * f[static_cast<std::size_t>(i * d + k)];
  for (std::size_t j = 0; j < 10; ++j)  // −‖f − m‖²/2 + ‖f‖²/2
    for (std::size_t k = 0; k < static_cast<std::size_t>(d); ++k) {
      const float m = means[j * static_cast<std::size_t>(d) + k];
      bias[j] -= m * m / 2;
    }
  toy.model->prototypes().value.copy_from_host(means);
  toy.model->prototype_bias().value.copy_from_host(bias);
  scale_logits(*toy.model, static_cast<float>(lead / median_lead(predict(*toy.model, toy.images, 100))));
  return toy;
}

}  // namespace kelvin::testing
