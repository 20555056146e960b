// resnet18, resnet34 and resnet50 against torchvision (tools/golden/residual_networks.py): logits, features, every parameter's
// gradient, the images' gradient and running statistics, in both modes, with the CIFAR stem and with ImageNet's. Weights come from one
// formula on both sides; its shifts keep most activations away from ReLU's kink, where a rounding flips a whole gradient (with shifts
// around zero a few flips in a million activations move gradients by 1e-3, in PyTorch's float32 against its float64 as well).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "data/npy.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "kernels/device/philox.h"
#include "models/model.h"

namespace kelvin {
namespace {

constexpr std::int64_t kBatch = 4, kSamples = 16;
constexpr double kTau = 2.0;

struct GoldenCase {
  const char *name, *model, *stem;
  int size;
};

// offset + scale u, u a multiple of 2^-22 in [−1, 1): exact in float32 for the scales and offsets used here.
std::vector<float> formula(const std::string& name, std::int64_t n, double scale, double offset) {
  const RandomKey key{11, random_stream(name)};
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double u = static_cast<double>(philox(key, i / 4)[i % 4] >> 9) * std::ldexp(1.0, -22) - 1;
    values[i] = static_cast<float>(offset + scale * u);
  }
  return values;
}

// PyTorch's order of a filter's elements, [K, C, R, S], to ours, [K, R, S, C], or back.
std::vector<float> reorder(const std::vector<float>& from, const Shape& krsc, bool to_krsc) {
  if (krsc.rank() != 4) return from;
  std::vector<float> to(from.size());
  std::size_t at = 0;
  for (std::int64_t k = 0; k < krsc[0]; ++k)
    for (std::int64_t r = 0; r < krsc[1]; ++r)
      for (std::int64_t s = 0; s < krsc[2]; ++s)
        for (std::int64_t c = 0; c < krsc[3]; ++c, ++at) {
          const auto theirs = static_cast<std::size_t>(((k * krsc[3] + c) * krsc[1] + r) * krsc[2] + s);
          to_krsc ? to[at] = from[theirs] : to[theirs] = from[at];
        }
  return to;
}

void fill_by_formula(const Parameter& p) {
  const Shape& shape = p.value.shape();
  const std::string& name = p.spec.name;
  const std::int64_t n = shape.size();
  const double fan_in = static_cast<double>(n) / static_cast<double>(shape[0]);
  std::vector<float> values;
  if (name.ends_with("running_mean"))
    values = formula(name, n, 0.25, 0);
  else if (name.ends_with("running_var"))
    values = formula(name, n, 0.5, 1);
  else if (shape.rank() > 1)
    values = formula(name, n, std::exp2(std::nearbyint(std::log2(std::sqrt(6 / fan_in)))), 0);
  else
    values = name.ends_with("bias") ? formula(name, n, 0.125, 0.75) : formula(name, n, 0.125, 0.25);
  p.value.copy_from_host(reorder(values, shape, true));
}

double norm(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

// ‖a − b‖ / ‖b‖
double relative(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  std::vector<float> difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return norm(difference) / norm(b);
}

class ResidualNetworks : public ::testing::TestWithParam<GoldenCase> {
 protected:
  ResidualNetworks() {
    const GoldenCase& c = GetParam();
    model_ = make_model(
        {.name = c.model, .channels = 3, .height = c.size, .width = c.size, .mean = {}, .std = {}, .stem = c.stem}, {},
        0);
    for (const Parameter& p : model_->parameters()) fill_by_formula(p);
    for (const Parameter& p : model_->parameters().buffers()) fill_by_formula(p);
    const Shape shape = {kBatch, c.size, c.size, 3};
    images_ = Tensor::from_host<float>(formula("images", shape.size(), 0.5, 0.5), shape);
    labels_ = Tensor::from_host<std::int32_t>(std::vector<std::int32_t>{0, 1, 2, 3}, {kBatch});
  }
  [[nodiscard]] static std::vector<float> golden(const std::string& name) {
    const std::filesystem::path folder = std::filesystem::path(KELVIN_GOLDEN_DIR) / "residual_networks";
    return read_npy(folder / (std::string(GetParam().name) + "." + name + ".npy")).to_float();
  }
  std::unique_ptr<Model> model_;
  Tensor images_, labels_;
};

// Every fourth pixel in both directions of the first image, as the golden stores it.
std::vector<float> thinned(const Tensor& images) {
  const std::vector<float> all = images.to_host<float>();
  const std::int64_t size = images.dim(1);
  std::vector<float> some;
  for (std::int64_t h = 0; h < size; h += 4)
    for (std::int64_t w = 0; w < size; w += 4)
      for (std::int64_t c = 0; c < 3; ++c) some.push_back(all[static_cast<std::size_t>((h * size + w) * 3 + c)]);
  return some;
}

TEST_P(ResidualNetworks, Evaluation) {
  const Tensor features = model_->features(images_, Mode::eval);
  const double logits_error = relative(model_->logits(features).to_host<float>(), golden("eval_logits"));
  RecordProperty("logits_error", std::to_string(logits_error));
  EXPECT_LT(logits_error, 1e-5);
  EXPECT_LT(relative(features.to_host<float>(), golden("eval_features")), 1e-5);
  Tape tape({images_});
  tape.backward(sum(softmax_cross_entropy(model_->forward(images_, Mode::eval), labels_, kTau)));
  EXPECT_LT(relative(thinned(tape.gradient(images_)), golden("eval_image_gradient")), 1e-4);
}

TEST_P(ResidualNetworks, TrainingStep) {
  model_->parameters().zero_gradients();
  {
    Tape tape(model_->parameters());
    const Tensor logits = model_->forward(images_, Mode::train);
    EXPECT_LT(relative(logits.to_host<float>(), golden("train_logits")), 1e-5);
    tape.backward(mean(softmax_cross_entropy(logits, labels_, kTau)));
  }
  std::map<std::string, const Parameter*> by_name;  // the golden's rows are sorted by name
  for (const Parameter& p : model_->parameters()) by_name[p.spec.name] = &p;
  const std::vector<float> expected = golden("gradients");
  ASSERT_EQ(expected.size(), by_name.size() * (kSamples + 1));
  double whole = 0;  // norm of the whole gradient
  for (std::size_t i = 0; i < expected.size(); i += kSamples + 1) whole = std::hypot(whole, expected[i]);
  // A shift in front of a norm has almost no gradient: what is left of its sum is the rounding of terms as large as others' gradients.
  const double rounding = 1e-7 * whole;
  std::size_t row = 0;
  for (const auto& [name, p] : by_name) {
    const std::vector<float> g = reorder(p->gradient.to_host<float>(), p->gradient.shape(), false);
    const float* const e = expected.data() + row++ * (kSamples + 1);
    ASSERT_NEAR(norm(g), e[0], 1e-4 * e[0] + rounding) << name;
    // Single entries are compared on the scale of a typical one.
    const double scale = e[0] / std::sqrt(static_cast<double>(g.size()));
    for (std::int64_t i = 0; i < kSamples; ++i) {
      const auto at = static_cast<std::size_t>(i * static_cast<std::int64_t>(g.size()) / kSamples);
      ASSERT_NEAR(g[at], e[1 + i], 1e-4 * (std::abs(e[1 + i]) + 3 * scale) + rounding) << name << " " << at;
    }
  }
  for (int i = 0; i < 2; ++i) (void)model_->forward(images_, Mode::train);
  std::map<std::string, double> norms;
  for (const Parameter& p : model_->parameters().buffers()) norms[p.spec.name] = norm(p.value.to_host<float>());
  const std::vector<float> running = golden("running_norms");
  ASSERT_EQ(running.size(), norms.size());
  std::size_t i = 0;
  for (const auto& [name, value] : norms) {
    EXPECT_NEAR(value, running[i], 1e-5 * running[i]) << name;
    ++i;
  }
}

INSTANTIATE_TEST_SUITE_P(Torchvision, ResidualNetworks,
                         ::testing::Values(GoldenCase{"resnet18-cifar", "resnet18", "auto", 32},
                                           GoldenCase{"resnet34-cifar", "resnet34", "auto", 32},
                                           GoldenCase{"resnet50-cifar", "resnet50", "auto", 32},
                                           GoldenCase{"resnet50-imagenet", "resnet50", "auto", 96}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace kelvin
