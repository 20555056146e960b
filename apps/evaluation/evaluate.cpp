#include "apps/evaluation/evaluate.h"

#include <algorithm>
#include <cmath>

#include "apps/evaluation/batches.h"

namespace kelvin {
namespace {

constexpr int kBins = 15;

struct Bin {
  double correct = 0, confidence = 0, count = 0;
};

// Bin m of 15 holds confidences in ((m − 1)/15, m/15].
std::size_t bin_of(double confidence) {
  return static_cast<std::size_t>(std::clamp(static_cast<int>(std::ceil(confidence * kBins)) - 1, 0, kBins - 1));
}

}  // namespace

Predictions predict(Model& model, const ImageSet& set, std::int64_t batch_size, const CountFunction& progress) {
  Predictions out{set.count, model.spec().classes, {}, set.labels};
  for_each_batch(set, batch_size, model.parameters().values().device(), [&](const TensorBatch& batch) {
    const std::vector<float> logits = model.forward(batch.images, Mode::eval).to_host<float>();
    out.logits.insert(out.logits.end(), logits.begin(), logits.end());
    if (progress) progress(batch.first + batch.images.dim(0), set.count);
  });
  return out;
}

std::vector<std::uint8_t> correct_images(const Predictions& p) {
  const auto classes = static_cast<std::size_t>(p.classes);
  std::vector<std::uint8_t> correct(static_cast<std::size_t>(p.count));
  for (std::size_t i = 0; i < correct.size(); ++i) {
    const float* const z = p.logits.data() + i * classes;
    correct[i] = std::max_element(z, z + classes) - z == p.labels[i] ? 1 : 0;
  }
  return correct;
}

Evaluation evaluate(const Predictions& p, double eval_tau) {
  const auto classes = static_cast<std::size_t>(p.classes);
  std::vector<Bin> bins(kBins);
  std::vector<double> correct(classes), count(classes), shifted(classes);
  double nll = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(p.count); ++i) {
    const float* const z = p.logits.data() + i * classes;
    const auto label = static_cast<std::size_t>(p.labels[i]);
    const auto prediction = static_cast<std::size_t>(std::max_element(z, z + classes) - z);
    double sum = 0;
    for (std::size_t j = 0; j < classes; ++j) sum += std::exp((static_cast<double>(z[j]) - z[prediction]) / eval_tau);
    nll += std::log(sum) - (static_cast<double>(z[label]) - z[prediction]) / eval_tau;
    const double confidence = 1 / sum, is_correct = prediction == label ? 1 : 0;
    Bin& bin = bins[bin_of(confidence)];
    bin.correct += is_correct;
    bin.confidence += confidence;
    ++bin.count;
    correct[label] += is_correct;
    ++count[label];
  }
  Evaluation e;
  e.n = p.count;
  const auto n = static_cast<double>(p.count);
  for (const Bin& bin : bins) {
    e.accuracy += bin.correct / n;
    e.ece += std::abs(bin.correct - bin.confidence) / n;
  }
  e.nll = nll / n;
  for (std::size_t c = 0; c < classes; ++c) e.per_class_accuracy.push_back(correct[c] / count[c]);
  return e;
}

double accuracy_of(Model& model, const ImageSet& set, std::int64_t batch_size) {
  return evaluate(predict(model, set, batch_size), 1.0).accuracy;
}

}  // namespace kelvin
