// Geometry: NumPy's figures for the same features (tools/golden/analysis.py), and arrangements small enough to know the answer.
#include "apps/analysis/geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "apps/analysis/symmetric_eigen.h"
#include "tests/apps/analysis_golden.h"
#include "tests/apps/golden_model.h"

namespace kelvin {
namespace {

using testing::analysis_reference;
using testing::floats_of;
using testing::ints_of;

// Both sides work in double from the same float32 numbers; what differs is the order of sums.
constexpr double kRounding = 1e-9;

std::vector<std::int32_t> predictions_of(const std::vector<float>& logits, std::size_t classes) {
  std::vector<std::int32_t> out;
  for (std::size_t i = 0; i < logits.size() / classes; ++i) {
    const float* const z = logits.data() + i * classes;
    out.push_back(static_cast<std::int32_t>(std::max_element(z, z + classes) - z));
  }
  return out;
}

TEST(Geometry, CollapseEqualsNumPy) {
  const auto expected = analysis_reference().at("geometry");
  const auto c = measure_collapse(floats_of("features"), ints_of("labels"), predictions_of(floats_of("logits"), 6),
                                  floats_of("prototypes"), 13);
  ASSERT_TRUE(c.has_value());
  EXPECT_EQ(c->classes, 5);  // the sixth has no image
  EXPECT_NEAR(c->within_between, expected.at("within_between"), kRounding);
  EXPECT_NEAR(c->class_mean_norm_spread, expected.at("class_mean_norm_spread"), kRounding);
  EXPECT_NEAR(c->class_mean_cosine_deviation, expected.at("class_mean_cosine_deviation"), kRounding);
  EXPECT_NEAR(c->class_mean_alignment, expected.at("class_mean_alignment"), kRounding);
  EXPECT_NEAR(c->nearest_centre_agreement, expected.at("nearest_centre_agreement"), kRounding);
}

TEST(Geometry, FeatureRankEqualsNumPy) {
  const auto expected = analysis_reference().at("geometry");
  const FeatureRank r = measure_feature_rank(floats_of("features"), 13);
  EXPECT_EQ(r.dimension, 13);
  EXPECT_EQ(r.numerical, expected.at("numerical"));
  EXPECT_EQ(r.one_percent, expected.at("one_percent"));
  EXPECT_NEAR(r.effective, expected.at("effective"), kRounding);
  EXPECT_NEAR(r.stable, expected.at("stable"), kRounding);
  const auto shares = expected.at("variance_shares").get<std::vector<double>>();
  ASSERT_EQ(r.variance_shares.size(), shares.size());
  for (std::size_t k = 0; k < shares.size(); ++k) EXPECT_NEAR(r.variance_shares[k], shares[k], kRounding) << k;
}

// Twelve points on a plane in 40 dimensions: more dimensions than images, so the Gram matrix of the images is used.
TEST(Geometry, FeaturesOnAPlaneHaveRankTwo) {
  std::vector<float> f;
  for (int i = 0; i < 12; ++i)
    for (int k = 0; k < 40; ++k)
      f.push_back(static_cast<float>(3 + (i % 4) * (k % 3 - 1) + (i / 4) * (k % 5 - 2)));  // small integers: exact
  const FeatureRank r = measure_feature_rank(f, 40);
  EXPECT_EQ(r.numerical, 2);
  EXPECT_LE(r.effective, 2);
  EXPECT_GT(r.effective, 1.5);
  EXPECT_NEAR(r.variance_shares[0] + r.variance_shares[1], 1, 1e-12);
}

TEST(Geometry, IdenticalFeaturesHaveNoRankAndNoCollapse) {
  const std::vector<float> f(6 * 3, 1.5f);
  const std::vector<std::int32_t> labels = {0, 1, 0, 1, 0, 1};
  EXPECT_EQ(measure_feature_rank(f, 3).numerical, 0);
  EXPECT_FALSE(measure_collapse(f, labels, labels, std::vector<float>(2 * 3, 1.0f), 3).has_value());
}

// A simplex of three classes in the plane, prototypes along the class means: everything that collapse asks for.
TEST(Geometry, ASimplexIsCollapsed) {
  const double angle = 2 * 3.14159265358979323846 / 3;
  std::vector<float> f, w;
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 9; ++i) {
    f.push_back(static_cast<float>(7 + 2 * std::cos(angle * (i % 3))));  // off the origin: only the arrangement counts
    f.push_back(static_cast<float>(2 * std::sin(angle * (i % 3))));
    labels.push_back(i % 3);
  }
  for (int c = 0; c < 3; ++c) {
    w.push_back(static_cast<float>(50 * std::cos(angle * c)));
    w.push_back(static_cast<float>(50 * std::sin(angle * c)));
  }
  const auto c = measure_collapse(f, labels, labels, w, 2);
  ASSERT_TRUE(c.has_value());
  EXPECT_NEAR(c->within_between, 0, 1e-12);
  EXPECT_NEAR(c->class_mean_norm_spread, 0, 1e-6);  // float32 coordinates
  EXPECT_NEAR(c->class_mean_cosine_deviation, 0, 1e-6);
  EXPECT_NEAR(c->class_mean_alignment, 0, 1e-3);  // a square root of rounding
  EXPECT_EQ(c->nearest_centre_agreement, 1);
}

TEST(Geometry, EigenvectorsRebuildTheMatrix) {
  constexpr std::size_t n = 37;
  std::vector<double> a(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      a[i * n + j] = a[j * n + i] = std::sin(static_cast<double>(3 * i * j + i + j)) + (i == j ? 2 : 0);
  const SymmetricEigen e = symmetric_eigen(a, n, true);
  EXPECT_TRUE(std::is_sorted(e.values.rbegin(), e.values.rend()));
  const SymmetricEigen values_only = symmetric_eigen(a, n);
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_NEAR(values_only.values[i], e.values[i], 1e-12);
    for (std::size_t j = 0; j < n; ++j) {
      double rebuilt = 0, inner = 0;
      for (std::size_t k = 0; k < n; ++k) {
        rebuilt += e.values[k] * e.vectors[k * n + i] * e.vectors[k * n + j];
        inner += e.vectors[i * n + k] * e.vectors[j * n + k];
      }
      EXPECT_NEAR(rebuilt, a[i * n + j], 1e-12);
      EXPECT_NEAR(inner, i == j ? 1 : 0, 1e-12);
    }
  }
}

// Diagonal and block matrices take the short paths through both phases.
TEST(Geometry, EigenvaluesOfDegenerateMatrices) {
  EXPECT_EQ(symmetric_eigen({4}, 1).values, std::vector<double>{4});
  EXPECT_EQ(symmetric_eigen({0, 0, 0, 0}, 2).values, (std::vector<double>{0, 0}));
  const auto blocks = symmetric_eigen({2, 1, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0, 0, 0, 0, 5}, 4).values;
  const std::vector<double> expected = {5, 5, 3, 1};
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(blocks[k], expected[k], 1e-14);
}

// What τ does to the scale of W must not show in the scale-free columns.
TEST(Geometry, OnlyRawDistancesFollowTheScaleOfThePrototypes) {
  const ImageSet images = testing::golden_images(60);
  const auto plain = testing::golden_model(), scaled = testing::golden_model(20);
  const Geometry a = measure_geometry(*plain, images, 32), b = measure_geometry(*scaled, images, 32);
  EXPECT_GT(b.mean_distance_variance, 10 * a.mean_distance_variance);
  EXPECT_NEAR(b.cosine_coefficient_of_variation, a.cosine_coefficient_of_variation, 1e-5);  // float32 distances
  EXPECT_NEAR(b.prototype_cosine_deviation, a.prototype_cosine_deviation, 1e-5);
  ASSERT_TRUE(a.collapse && b.collapse);
  EXPECT_EQ(b.collapse->within_between, a.collapse->within_between);
  EXPECT_NEAR(b.collapse->class_mean_alignment, a.collapse->class_mean_alignment, 1e-6);
  EXPECT_EQ(std::accumulate(b.unit_histogram.counts.begin(), b.unit_histogram.counts.end(), std::int64_t{0}), 60 * 9);
}

}  // namespace
}  // namespace kelvin
