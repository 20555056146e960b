// Two models on the same corrupted images, by hand-made figures.
#include <gtest/gtest.h>

#include "apps/evaluation/corruptions.h"
#include "data/corrupted_files.h"
#include "data/corruptions.h"
#include "engine/json_text.h"
#include "tests/support.h"

namespace kelvin {
namespace {

CorruptionRow row(const std::string& name, int severity, double accuracy, double baseline) {
  return {name, severity, accuracy, {}, Paired{baseline, 0, 0}};
}

// CE of a: (0.2 + 0.4) / (0.1 + 0.2) = 2; of b: 0.1 / 0.4; with clean errors of 0.1 and 0.05 taken off, (0.1 + 0.3) / (0.05 + 0.15) = 2 and
// 0 / 0.35.
TEST(CorruptionTable, MeanCorruptionErrors) {
  CorruptionTable table;
  table.rows = {row("a", 1, 0.8, 0.9), row("a", 2, 0.6, 0.8), row("b", 1, 0.9, 0.6)};
  EXPECT_NEAR(*table.mce(), (2 + 0.25) / 2, 1e-12);
  EXPECT_NEAR(*table.relative_mce(0.9, 0.95), 1, 1e-12);
  EXPECT_NEAR(table.mean_accuracy(), 2.3 / 3, 1e-12);
  table.rows[1].paired.reset();
  EXPECT_FALSE(table.mce());
}

// a has no CE, since the baseline makes no error there; b's is 2. Of what corruption adds to clean errors of 0.1, the same baseline adds
// −0.1 in a, and exactly nothing in c, whose 0.9 − 0.9 is not 0 in floating point.
TEST(CorruptionTable, SaysWhatTheMeansLeaveOut) {
  CorruptionTable table;
  table.rows = {row("a", 1, 0.8, 1), row("b", 1, 0.6, 0.8), row("c", 1, 0.7, 0.9)};
  EXPECT_NEAR(*table.mce(), (2 + 3) / 2.0, 1e-12);
  EXPECT_EQ(table.left_out_of_mce(), std::vector<std::string>{"a"});
  EXPECT_NEAR(*table.relative_mce(0.9, 0.9), (0.1 / -0.1 + 0.3 / 0.1) / 2, 1e-12);
  EXPECT_EQ(table.left_out_of_relative_mce(0.9, 0.9), std::vector<std::string>{"c"});

  table.rows = {row("a", 1, 0.8, 1), row("a", 2, 0.7, 1)};
  EXPECT_FALSE(table.mce());
  EXPECT_TRUE(table.has_baseline());
  const Json json = to_json(table, 1);
  EXPECT_TRUE(json.at("mce").is_null());
  EXPECT_EQ(json.at("mce_left_out"), Json({"a"}));
}

// 1 against 9: twice the chance of at most one head in ten throws, 2 · 11/1024.
TEST(CorruptionTable, McNemarsExactTest) {
  EXPECT_NEAR((Paired{0, 1, 9}).p_value(), 22.0 / 1024, 1e-12);
  EXPECT_NEAR((Paired{0, 9, 1}).p_value(), 22.0 / 1024, 1e-12);
  EXPECT_EQ((Paired{0, 0, 0}).p_value(), 1);
  EXPECT_EQ((Paired{0, 5, 5}).p_value(), 1);
}

// A made CIFAR-10-C folder: all corruptions, all severities, as files, evaluate to exactly what generating them gives.
TEST(CorruptionTable, FilesEvaluateLikeGeneratedImages) {
  const testing::TemporaryFolder folder;
  Dataset data =
      load_dataset("synthetic:train=1,test=12,size=32,channels=3,overlap=0.1", {.train = Half::skip, .seed = 2});
  std::vector<std::string> names = corruption_names();
  for (const std::string& name : extra_corruption_names()) names.push_back(name);
  const std::vector<int> severities = {1, 2, 3, 4, 5};
  const auto model = make_model(
      {.name = "mlp", .classes = 10, .channels = 3, .height = 32, .width = 32, .mean = data.mean, .std = data.std}, {},
      1);
  CorruptedWriter writer(folder.path(), severities);
  const CorruptionTable generated = corruption_accuracy(
      *model, nullptr, generated_corruptions(data.test, 5), names, severities, 16,
      {.on_images = [&](const CorruptionRow& r, const ImageSet& set) { writer.add(r.corruption, r.severity, set); },
       .progress = {}});
  CorruptedFiles files(folder.path(), data);
  const CorruptionTable read = corruption_accuracy(
      *model, nullptr, [&](const std::string& name, int severity) { return files.load(name, severity, 0); }, names,
      severities, 16);
  ASSERT_EQ(read.rows.size(), 95u);
  for (std::size_t i = 0; i < read.rows.size(); ++i) {
    EXPECT_EQ(read.rows[i].accuracy, generated.rows[i].accuracy) << read.rows[i].corruption;
    EXPECT_EQ(read.rows[i].correct, generated.rows[i].correct);
  }
}

}  // namespace
}  // namespace kelvin
