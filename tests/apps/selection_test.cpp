// The held-out split and the model it chooses.
#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "apps/evaluation/evaluate.h"
#include "apps/training/train.h"
#include "data/hold_out.h"
#include "engine/checkpoint.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

Dataset gaussian_classes(std::int64_t validation, std::uint64_t seed = 2) {
  return load_dataset("synthetic:train=192,test=50,size=8,classes=5,overlap=0.05",
                      {.validation = validation, .seed = seed});
}

std::vector<float> image_of(const ImageSet& set, std::int64_t i) {
  std::vector<float> pixels(static_cast<std::size_t>(set.pixels()));
  set.copy_image(i, pixels.data());
  return pixels;
}

TEST(HoldOut, EveryTrainingImageIsOnExactlyOneSide) {
  const Dataset whole = gaussian_classes(0), split = gaussian_classes(40);
  ASSERT_EQ(split.validation.count, 40);
  ASSERT_EQ(split.train.count, 152);
  std::multiset<std::vector<float>> all, parts;
  for (std::int64_t i = 0; i < whole.train.count; ++i) all.insert(image_of(whole.train, i));
  for (const ImageSet* part : {&split.train, &split.validation})
    for (std::int64_t i = 0; i < part->count; ++i) parts.insert(image_of(*part, i));
  EXPECT_EQ(all, parts);
  EXPECT_EQ(image_of(whole.test, 7), image_of(split.test, 7));
  // Labels went with their images.
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < whole.train.count && next < split.train.count; ++i)
    if (image_of(whole.train, i) == image_of(split.train, next)) {
      EXPECT_EQ(whole.train.labels[static_cast<std::size_t>(i)], split.train.labels[static_cast<std::size_t>(next)]);
      ++next;
    }
  EXPECT_EQ(next, split.train.count) << "both sides keep the set's order";
}

TEST(HoldOut, TheSeedChooses) {
  Dataset a = gaussian_classes(0), b = a, c = a;
  hold_out(a, 40, 1);
  hold_out(b, 40, 1);
  hold_out(c, 40, 9);
  EXPECT_EQ(a.validation.labels, b.validation.labels);
  EXPECT_EQ(image_of(a.validation, 5), image_of(b.validation, 5));
  EXPECT_NE(image_of(a.validation, 5), image_of(c.validation, 5));
}

TEST(HoldOut, Mistakes) {
  EXPECT_THAT(mistake_of([] { (void)gaussian_classes(192); }), HasSubstr("--validation"));
  EXPECT_THAT(mistake_of([] { (void)gaussian_classes(500); }), HasSubstr("500 of 192"));
}

TEST(BestEpoch, OfEqualScoresTheFirstStays) {
  BestEpoch best;
  EXPECT_TRUE(best.update(SelectBy::accuracy, {.accuracy = 0.0}, 1)) << "an epoch with nothing right beats none at all";
  EXPECT_TRUE(best.update(SelectBy::accuracy, {.accuracy = 0.5}, 2));
  EXPECT_FALSE(best.update(SelectBy::accuracy, {.accuracy = 0.5}, 3));
  EXPECT_FALSE(best.update(SelectBy::none, {.accuracy = 0.9}, 4));
  EXPECT_EQ(best.epoch, 2U);
  BestEpoch robust;
  EXPECT_TRUE(robust.update(SelectBy::robust, {.accuracy = 0.9, .robust_accuracy = 0.2}, 1));
  EXPECT_TRUE(robust.update(SelectBy::robust, {.accuracy = 0.8, .robust_accuracy = 0.3}, 2));
}

TrainOptions options() {
  TrainOptions o;
  o.model = "mlp";
  o.epochs = 6;
  o.batch_size = 32;
  // So large a rate that accuracy goes up and down: the best epoch is not simply the last.
  o.lr = {.kind = LearningRateSchedule::Kind::constant, .base = 0.5};
  return o;
}

std::vector<Json> epochs_of(const RunFolder& run) {
  std::vector<Json> lines;
  std::ifstream in(run.metrics());
  for (std::string line; std::getline(in, line);)
    if (Json json = Json::parse(line); json.at("kind") == "epoch") lines.push_back(json);
  return lines;
}

double validation_accuracy(const RunFolder& run, Which which, const ImageSet& set) {
  const SafetensorsFile file = open_checkpoint(run, which);
  return accuracy_of(*build_trained_model(file, run_info_from(file), {}).model, set, 64);
}

std::vector<float> weights_of(const RunFolder& run) {
  const SafetensorsFile file = open_checkpoint(run);
  return build_trained_model(file, run_info_from(file), {}).model->parameters().values().to_host<float>();
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Selection, BestIsTheEpochThatDidBestOnTheValidationSplit) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes(60);
  const RunFolder run{folder / "run"};
  run.create();
  const TrainReport report = train(options(), data, run, {}, {});
  double highest = -1;
  std::uint32_t first = 0;
  for (const Json& line : epochs_of(run))
    if (line.at("validation_accuracy").get<double>() > highest)
      highest = line["validation_accuracy"], first = line["epoch"];
  EXPECT_EQ(report.best.epoch, first);
  EXPECT_EQ(report.best.score, highest);
  EXPECT_EQ(validation_accuracy(run, Which::best, data.validation), highest);
  EXPECT_EQ(validation_accuracy(run, Which::last, data.validation), report.last->validation->accuracy);
}

// Resuming keeps the best file, or replaces it by what an uninterrupted run would have kept, byte for byte.
TEST(Selection, ResumedRunKeepsTheSameBest) {
  const TemporaryFolder folder;
  const Dataset data = gaussian_classes(60);
  TrainOptions o = options();
  o.adversarial = {.kind = AdversarialOptions::Kind::pgd, .eps = 0.03f, .step = 0.01f, .steps = 3};
  const RunFolder whole{folder / "whole"}, parts{folder / "parts"};
  whole.create();
  parts.create();
  const TrainReport once = train(o, data, whole, {}, {});
  for (const int epochs : {2, 4, 6}) {
    o.epochs = epochs;
    o.resume = epochs > 2;
    const TrainReport report = train(o, data, parts, {}, {});
    if (epochs < 6) continue;
    EXPECT_EQ(report.best.epoch, once.best.epoch);
    EXPECT_EQ(report.best.score, once.best.score);
  }
  EXPECT_TRUE(bytes_of(whole.best()) == bytes_of(parts.best()));
  EXPECT_TRUE(weights_of(whole) == weights_of(parts));
  for (const Json& line : epochs_of(whole)) {
    EXPECT_LE(line.at("validation_robust_accuracy"), line.at("validation_accuracy"));
  }
}

TEST(Selection, NoneKeepsNoFile) {
  const TemporaryFolder folder;
  TrainOptions o = options();
  o.epochs = 1;
  o.select_by = SelectBy::none;
  const RunFolder run{folder / "run"};
  run.create();
  const TrainReport report = train(o, gaussian_classes(60), run, {}, {});
  EXPECT_TRUE(report.last->validation.has_value());
  EXPECT_EQ(report.best.epoch, 0U);
  EXPECT_THAT(mistake_of([&] { (void)open_checkpoint(run, Which::best); }), HasSubstr("--checkpoint last"));
}

}  // namespace
}  // namespace kelvin
