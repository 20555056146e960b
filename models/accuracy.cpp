#include "models/accuracy.h"

#include <algorithm>

#include "kernels/arrays/top1.h"
#include "models/frozen_weights.h"

namespace kelvin {
namespace {

constexpr std::int64_t kAccuracyBatch = 256;

}  // namespace

std::int64_t correct_predictions(Model& model, const Tensor& images, const Tensor& labels) {
  KELVIN_CHECK(images.dim(0) == labels.size(), "accuracy: ", images.dim(0), " images and ", labels.size(), " labels");
  const Tensor correct = Tensor::zeros({1}, DType::i32, images.device());
  const Tensor logits = model.forward(images, Mode::eval);
  on(images.device(), [&](const auto& dev) {
    count_correct(dev, correct.view<std::int32_t>(), logits.view<const float>(), labels.view<const std::int32_t>());
  });
  return correct.to_host<std::int32_t>()[0];
}

double accuracy_of(Model& model, const Tensor& images, const Tensor& labels) {
  FrozenWeights frozen;
  const FrozenWeights::Use use(frozen);
  std::int64_t correct = 0;
  for (std::int64_t first = 0; first < labels.size(); first += kAccuracyBatch) {
    const std::int64_t n = std::min(kAccuracyBatch, labels.size() - first);
    correct += correct_predictions(model, images.narrow(first, n), labels.narrow(first, n));
  }
  return static_cast<double>(correct) / static_cast<double>(labels.size());
}

}  // namespace kelvin
