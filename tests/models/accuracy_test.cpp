// Accuracy counts largest logits, over more images than one pass takes; a spec takes what the data say.
#include "models/accuracy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/dataset.h"
#include "data/tensor_batch.h"

namespace kelvin {
namespace {

Dataset data_of(const std::string& options) { return load_dataset("synthetic:" + options, {}); }

TEST(Accuracy, CountsLargestLogits) {
  const Dataset data = data_of("classes=3,size=4,channels=3,train=6,test=300");
  const auto model = make_model(spec_for(data, "mlp"), {}, 1);
  const TensorBatch test = tensor_batch(data.test, 0, data.test.count, {});
  const std::vector<float> logits = model->forward(test.images, Mode::eval).to_host<float>();
  std::vector<std::int32_t> predictions, others;
  for (std::size_t i = 0; i < logits.size(); i += 3) {
    predictions.push_back(static_cast<std::int32_t>(std::max_element(&logits[i], &logits[i] + 3) - &logits[i]));
    others.push_back((predictions.back() + 1) % 3);
  }
  const auto accuracy = [&](const std::vector<std::int32_t>& labels) {
    return accuracy_of(*model, test.images, Tensor::from_host<std::int32_t>(labels, {300}));
  };
  EXPECT_EQ(accuracy(predictions), 1);
  EXPECT_EQ(accuracy(others), 0);
  std::copy_n(others.end() - 30, 30, predictions.end() - 30);  // of the second pass
  EXPECT_EQ(accuracy(predictions), 0.9);
  EXPECT_EQ(correct_predictions(*model, test.images.narrow(260, 40),
                                Tensor::from_host<std::int32_t>(std::span(predictions).subspan(260), {40})),
            10);
}

TEST(SpecFor, TakesWhatTheDataSay) {
  const Dataset data = data_of("classes=4,size=6,channels=3,train=8,test=4");
  const ModelSpec spec = spec_for(data, "resnet8");
  EXPECT_EQ(spec.name, "resnet8");
  EXPECT_EQ(std::vector({spec.classes, spec.channels, spec.height, spec.width}), std::vector({4, 3, 6, 6}));
  EXPECT_EQ(spec.mean, data.mean);
  EXPECT_EQ(spec.std, data.std);
  EXPECT_EQ(spec.mean.size(), 3u);
  Dataset test_only = data;
  test_only.train = {};
  EXPECT_EQ(spec_for(test_only, "mlp").height, 6);
}

}  // namespace
}  // namespace kelvin
