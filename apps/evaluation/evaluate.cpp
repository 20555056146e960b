#include "apps/evaluation/evaluate.h"

#include <algorithm>

#include "apps/evaluation/calibration.h"
#include "models/accuracy.h"
#include "models/frozen_weights.h"

namespace kelvin {
Predictions predict(Model& model, const ImageSet& set, std::int64_t batch_size, const CountFunction& progress) {
  Predictions out{set.count, model.spec().classes, {}, set.labels};
  out.logits.resize(static_cast<std::size_t>(set.count * out.classes));
  FrozenWeights frozen;
  const FrozenWeights::Use use(frozen);
  each_own_batch(
      set, batch_size, model.parameters().values().device(),
      [&](const TensorBatch& batch) {
        const std::vector<float> logits = model.forward(batch.images, Mode::eval).to_host<float>();
        std::ranges::copy(logits, out.logits.begin() + batch.first * out.classes);
      },
      progress);
  share_rows(std::span(out.logits), out.classes, batch_size);
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
  const Calibration calibration = calibrate(p, eval_tau);
  Evaluation e{p.count, calibration.accuracy, calibration.nll, calibration.ece, {}};
  std::vector<double> correct(classes), count(classes);
  for (std::size_t i = 0; i < static_cast<std::size_t>(p.count); ++i) {
    const float* const z = p.logits.data() + i * classes;
    const auto label = static_cast<std::size_t>(p.labels[i]);
    correct[label] += static_cast<std::size_t>(std::max_element(z, z + classes) - z) == label ? 1 : 0;
    ++count[label];
  }
  for (std::size_t c = 0; c < classes; ++c) e.per_class_accuracy.push_back(correct[c] / count[c]);
  return e;
}

double accuracy_of(Model& model, const ImageSet& set, std::int64_t batch_size) {
  if (set.count < 1) throw mistake("accuracy needs at least one image");
  std::int64_t correct = 0;
  FrozenWeights frozen;
  const FrozenWeights::Use use(frozen);
  each_own_batch(set, batch_size, model.parameters().values().device(),
                 [&](const TensorBatch& batch) { correct += correct_predictions(model, batch.images, batch.labels); });
  processes().sum(std::span(&correct, 1), "the accuracy of a set");
  return static_cast<double>(correct) / static_cast<double>(set.count);
}

nlohmann::json to_json(const Evaluation& e, const std::vector<std::string>& class_names, double eval_tau,
                       double train_tau) {
  nlohmann::json per_class = nlohmann::json::array(), names = nlohmann::json::array();
  for (std::size_t c = 0; c < e.per_class_accuracy.size(); ++c) {
    if (std::isnan(e.per_class_accuracy[c])) continue;
    per_class.push_back(e.per_class_accuracy[c]);
    names.push_back(c < class_names.size() ? class_names[c] : std::to_string(c));
  }
  return {{"accuracy", e.accuracy},
          {"nll", e.nll},
          {"ece", e.ece},
          {"n", e.n},
          {"eval_tau", eval_tau},
          {"train_tau", train_tau},
          {"per_class_accuracy", per_class},
          {"class_names", names}};
}

}  // namespace kelvin
