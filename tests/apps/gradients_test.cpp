// What τ does to gradients: autograd's figures for the same network (tools/golden/analysis.py), limits and identities.
#include "apps/analysis/gradients.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "apps/analysis/negative_softmax.h"
#include "tests/apps/analysis_golden.h"
#include "tests/apps/golden_model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;

const std::vector<float> kLogits = {1.0f, 3.0f, 2.0f, -1.0f};

TEST(NegativeSoftmax, IsOneHotAtLowAndUniformAtHighTemperature) {
  const NegativeSoftmax cold = negative_softmax(kLogits, 1, 1e-3), hot = negative_softmax(kLogits, 1, 1e7);
  EXPECT_EQ(cold.alpha, (std::vector<double>{0, 0, 1, 0}));
  EXPECT_NEAR(effective_negatives(cold), 1, 1e-12);
  for (const std::size_t j : {0, 2, 3}) EXPECT_NEAR(hot.alpha[j], 1.0 / 3, 1e-6);
  EXPECT_EQ(hot.alpha[1], 0);
  EXPECT_NEAR(effective_negatives(hot), 3, 1e-9);
  EXPECT_NEAR(hot.error, 0.75, 1e-6);  // p is 1/C each
}

// By hand at τ = 2: exp of 0.5, 1.5, 1, −0.5.
TEST(NegativeSoftmax, EqualsTheFormula) {
  const double e0 = std::exp(0.5), e1 = std::exp(1.5), e2 = std::exp(1.0), e3 = std::exp(-0.5);
  const NegativeSoftmax s = negative_softmax(kLogits, 1, 2);
  EXPECT_NEAR(s.alpha[0], e0 / (e0 + e2 + e3), 1e-14);
  EXPECT_NEAR(s.alpha[2], e2 / (e0 + e2 + e3), 1e-14);
  EXPECT_NEAR(s.error, 1 - e1 / (e0 + e1 + e2 + e3), 1e-14);
}

// Central differences of −log softmax(z/τ)_y in double, against α (1 − p_y)/τ.
TEST(NegativeSoftmax, IsTheDerivativeOfCrossEntropy) {
  for (const double tau : {0.3, 1.0, 7.0}) {
    const NegativeSoftmax s = negative_softmax(kLogits, 2, tau);
    for (std::size_t j = 0; j < kLogits.size(); ++j) {
      const auto loss = [&](double delta) {
        double sum = 0;
        for (std::size_t k = 0; k < kLogits.size(); ++k) sum += std::exp((kLogits[k] + (k == j ? delta : 0)) / tau);
        return std::log(sum) - (kLogits[2] + (j == 2 ? delta : 0)) / tau;
      };
      const double h = 1e-5, slope = (loss(h) - loss(-h)) / (2 * h);
      EXPECT_NEAR((j == 2 ? -1 : s.alpha[j]) * s.error / tau, slope, 1e-8) << "tau " << tau << ", class " << j;
    }
  }
}

// A lead of 300: float32's p_y − 1 is 0 and so is every p_j; here nothing is lost.
TEST(NegativeSoftmax, SurvivesALargeLead) {
  const NegativeSoftmax s = negative_softmax(std::vector<float>{300, 0, -1}, 0, 1);
  EXPECT_NEAR(s.error / (std::exp(-300.0) + std::exp(-301.0)), 1, 1e-12);
  EXPECT_NEAR(s.alpha[1], 1 / (1 + std::exp(-1.0)), 1e-14);
}

TEST(NegativeSoftmax, CosineBetweenTemperatures) {
  const NegativeSoftmax one = negative_softmax(kLogits, 1, 1), cold = negative_softmax(kLogits, 1, 1e-3),
                        hot = negative_softmax(kLogits, 1, 1e9);
  EXPECT_NEAR(cosine_of_logit_gradients(one, one), 1, 1e-14);
  EXPECT_NEAR(cosine_of_logit_gradients(cold, hot), (1 + 1.0 / 3) / std::sqrt(2 * (1 + 1.0 / 3)), 1e-7);
}

void expect_row(const GradientsAtTau& r, const nlohmann::json& expected) {
  // Features and back-propagation in float32 against float64: 2e-4 relative, and 1e-4 of a cosine.
  const auto near = [&](double got, const char* name) {
    const double reference = expected.at(name);
    EXPECT_NEAR(got, reference, 2e-4 * std::abs(reference)) << name << " at tau " << r.tau;
  };
  near(r.true_prototype_l2, "true_prototype_l2");
  near(r.negative_prototype_l2, "negative_prototype_l2");
  near(r.hardest_prototype_l2, "hardest_prototype_l2");
  near(r.feature_l2, "feature_l2");
  near(r.input_l1, "input_l1");
  near(r.input_l2, "input_l2");
  near(r.input_linf, "input_linf");
  near(r.step_size, "step_size");
  near(r.image_participation, "image_participation");
  EXPECT_NEAR(r.prototype_cosine.value(), expected.at("prototype_cosine"), 1e-4);
  EXPECT_NEAR(r.feature_cosine.value(), expected.at("feature_cosine"), 1e-4);
  EXPECT_NEAR(r.input_cosine.value(), expected.at("input_cosine"), 1e-4);
  EXPECT_NEAR(r.set_prototype_cosine.value(), expected.at("set_prototype_cosine"), 1e-4);
  const auto shares = expected.at("alpha_shares").get<std::vector<double>>();
  ASSERT_EQ(r.alpha_shares.size(), shares.size());
  for (std::size_t k = 0; k < shares.size(); ++k) EXPECT_NEAR(r.alpha_shares[k], shares[k], 1e-4) << k;
}

TEST(Gradients, EqualPyTorchsAutograd) {
  const auto expected = testing::analysis_reference().at("gradients");
  const auto model = testing::golden_model();
  // Batches of 7: the last one is short.
  const GradientStudy study =
      measure_gradients(*model, testing::golden_images(20), {.taus = {0.5, 1, 10}, .batch_size = 7});
  ASSERT_EQ(study.rows.size(), 3u);
  for (std::size_t t = 0; t < 3; ++t) expect_row(study.rows[t], expected[t]);
  double shares = 0;
  for (const double s : study.rows[0].class_share) shares += s;
  EXPECT_NEAR(shares, 1, 1e-12);
}

// Three channels and a network trained otherwise.
TEST(Gradients, EqualPyTorchsAutogradInColour) {
  const auto expected = testing::analysis_reference().at("gradients_color");
  const auto model = testing::color_model();
  const GradientStudy study =
      measure_gradients(*model, testing::color_images(20), {.taus = {0.5, 1, 10}, .batch_size = 7});
  ASSERT_EQ(study.rows.size(), 3u);
  for (std::size_t t = 0; t < 3; ++t) expect_row(study.rows[t], expected[t]);
}

// Logits times 100: at τ = 1 the gradient of float32 cross-entropy is zero where the exact one is not; at τ = 100 it is that of the old model.
// The distance to the boundary does not depend on the factor.
TEST(Gradients, CountWhatFloat32Loses) {
  const ImageSet images = testing::golden_images(20);
  const auto plain = testing::golden_model(), scaled = testing::golden_model(100);
  const GradientStudy a = measure_gradients(*plain, images, {.taus = {1}}),
                      b = measure_gradients(*scaled, images, {.taus = {1, 100}});
  EXPECT_EQ(a.rows[0].zero_images, 0);
  EXPECT_GT(b.rows[0].zero_images, 0.5);
  EXPECT_EQ(b.rows[1].zero_images, 0);
  EXPECT_TRUE(b.rows[0].input_cosine.has_value());
  EXPECT_NEAR(b.rows[1].alpha_shares[0], a.rows[0].alpha_shares[0], 1e-5);
  EXPECT_NEAR(b.rows[1].step_size, a.rows[0].step_size / 100, 1e-6);
  for (std::size_t p = 0; p < 5; ++p) EXPECT_NEAR(b.linearized_distance[p] / a.linearized_distance[p], 1, 1e-3) << p;
}

// Twenty images: the median lies halfway between the tenth and the eleventh, as NumPy has it. Each image is measured alone, too.
TEST(Gradients, MediansAreThoseOfTheImages) {
  const auto model = testing::golden_model();
  const ImageSet images = testing::golden_images(20);
  const GradientStudy all = measure_gradients(*model, images, {.taus = {1}});
  std::vector<double> steps, distances;
  for (std::int64_t i = 0; i < images.count; ++i) {
    const GradientStudy one = measure_gradients(*model, images.select({i}), {.taus = {1}});
    steps.push_back(one.rows[0].step_size);
    if (!one.linearized_distance.empty()) distances.push_back(one.linearized_distance[2]);
  }
  std::sort(steps.begin(), steps.end());
  std::sort(distances.begin(), distances.end());
  EXPECT_NEAR(all.rows[0].median_step_size / ((steps[9] + steps[10]) / 2), 1, 1e-4);
  ASSERT_GT(distances.size(), 1u);
  const double at = 0.75 * static_cast<double>(distances.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double expected =
      distances[below] + (at - static_cast<double>(below)) * (distances[below + 1] - distances[below]);
  EXPECT_NEAR(all.linearized_distance[3] / expected, 1, 1e-4);
}

// The last product of a cosine classifier sees s f̂, of length s, whatever f is.
TEST(Gradients, GoThroughACosineClassifier) {
  ModelSpec spec;
  spec.name = "mlp";
  spec.channels = 1;
  spec.height = spec.width = 28;
  spec.classifier = "cosine";
  const auto model = make_model(spec, {}, 3);
  const ImageSet images = testing::golden_images(12);
  const GradientStudy study = measure_gradients(*model, images, {.taus = {1, 30}, .batch_size = 5});
  for (const GradientsAtTau& r : study.rows) {
    EXPECT_GT(r.feature_l2, 0);
    EXPECT_GT(r.input_l2, 0);
    // ‖∂L/∂ŵ_y‖ = step · ‖s f̂‖, and the cosine classifier's s is 15; float32 norms.
    EXPECT_NEAR(r.true_prototype_l2 / (15 * r.step_size), 1, 1e-5);
  }
}

TEST(Gradients, RefuseTemperaturesThatAreNone) {
  GradientOptions o{.taus = {1, -2}};
  EXPECT_THAT(testing::mistake_of([&] { check(gradient_fields(o)); }), HasSubstr("must be > 0, got -2"));
  o.taus.clear();
  EXPECT_THAT(testing::mistake_of([&] { check(gradient_fields(o)); }), HasSubstr("--taus: no values"));
}

}  // namespace
}  // namespace kelvin
