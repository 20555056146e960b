// Event files for TensorBoard: bytes as its own classes write them (tools/golden/tensorboard_events.py), and what a training writes, read by
// code of its own (event_reader.h).
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>

#include "apps/tensorboard/crc32c.h"
#include "apps/tensorboard/event_file.h"
#include "apps/tensorboard/events.h"
#include "apps/training/train.h"
#include "data/image_file.h"
#include "engine/input_file.h"
#include "tests/apps/event_reader.h"

namespace kelvin {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// RFC 3720, appendix B.4.
TEST(TensorBoard, Checksums) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(masked_crc32c("123456789"), 0xC78AB0E5u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(TensorBoard, BytesAreThoseOfItsOwnClasses) {
  std::string png;
  for (int byte = 0; byte < 256; ++byte) png += static_cast<char>(byte);
  const std::vector<std::string> events = {
      version_event(1.0),
      summary_event(2.0, 3, EventSummary().scalar("loss", 0.5).str()),
      summary_event(
          1.7e9 + 0.25, (std::int64_t{1} << 40) + 1,
          EventSummary().scalar("train/loss", 0.1).scalar("train/tau", 0).scalar("test/accuracy", std::nan("")).str()),
      summary_event(3.0, 1, EventSummary().image("train/images", 8, 300, 3, png).str()),
      restart_event(4.0, 41),
      summary_event(5.0, 0,
                    EventSummary()
                        .session_start({{"tau", "0.1"},
                                        {"nesterov", "true"},
                                        {"lr-times-tau", "false"},
                                        {"data", "synthetic:size=8"},
                                        {"batch-size", "128"}},
                                       1.7e9)
                        .str()),
      summary_event(6.0, 0, EventSummary().session_end(true, 1.7e9 + 1).str()),
      summary_event(6.0, 0, EventSummary().session_end(false, 1.7e9 + 1).str()),
      summary_event(7.0, 0,
                    EventSummary()
                        .experiment({.description = "Temperatures",
                                     .created = 1.7e9,
                                     .settings = {{"tau", {"0.1", "50"}},
                                                  {"nesterov", {"false", "true"}},
                                                  {"optimizer", {"sgd", "adam"}},
                                                  {"mixed", {"1", "auto"}},
                                                  {"seed", {"0", "0"}}},
                                     .metrics = {{"measured", "clean", "clean %"}}})
                        .str())};
  std::string records;
  for (const std::string& event : events) records += record_of(event);
  const std::filesystem::path golden =
      std::filesystem::path(KELVIN_GOLDEN_DIR) / "tensorboard/events.out.tfevents.golden";
  EXPECT_EQ(events_in(golden), events);  // names the event that differs
  EXPECT_EQ(testing::read_text(golden), records);
}

// Files of one folder sort by name in the order in which they were made, also within a second, and none is written over.
TEST(TensorBoard, FilesOfAFolderAreInOrder) {
  TemporaryFolder folder;
  EXPECT_FALSE(has_event_files(folder / "none"));
  EXPECT_FALSE(has_event_files(folder.path()));
  for (int step = 1; step <= 3; ++step) {
    EventFile file(folder.path());
    file.add(summary_event(1.8e9, step, EventSummary().scalar("x", step).str()));
    file.sync();
  }
  EXPECT_TRUE(has_event_files(folder.path()));
  EXPECT_THAT(event_files(folder.path()), SizeIs(3));
  EXPECT_EQ(shown_of(folder.path()).scalars.at("x"), (Shown::Points{{1, 1}, {2, 2}, {3, 3}}));
}

TEST(TensorBoard, AFileThatCannotGrowIsAMistake) {
  TemporaryFolder folder;
  EventFile file(folder.path());
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{200, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string said = mistake_of([&] {
    for (int i = 0; i < 100; ++i) file.add(summary_event(1.8e9, 1, EventSummary().scalar("x", 1).str()));
  });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(said, HasSubstr("events.out.tfevents."));
  EXPECT_THAT(said, HasSubstr("cannot be written: File too large"));
  (void)shown_of(folder.path());  // whole records and one that is cut short
}

class TensorBoardOfTraining : public ::testing::Test {
 protected:
  TensorBoardOfTraining()
      : data_(load_dataset("synthetic:train=512,test=200,size=8,classes=5,channels=3", {.validation = 64, .seed = 1})) {
    options_.model = "mlp";
    options_.epochs = 3;
    options_.batch_size = 64;
    options_.tau = {.start = 2, .end = 2};
    options_.lr = {.kind = LearningRateSchedule::Kind::cosine, .base = 0.05};
    options_.log_every = 2;
    options_.tensorboard = (folder_ / "events").string();
    options_.flags = {{"tau", "2"}, {"model", "mlp"}, {"tensorboard", options_.tensorboard}};
  }
  TrainReport run(const std::string& name, const TrainProgress& progress = {}) const {
    const RunFolder run{folder_ / name};
    run.create();
    return train(options_, data_, run, {}, progress);
  }
  // Ends a training as a kill does, after `images` of them.
  void kill_after(const std::string& name, std::int64_t images) const {
    struct Killed {};
    EXPECT_THROW(run(name,
                     [&](std::int64_t done, std::int64_t, const std::string&) {
                       if (done >= images) throw Killed();
                     }),
                 Killed);
  }
  [[nodiscard]] Shown shown(const std::string& name) const { return shown_of(folder_ / "events" / name); }

  TemporaryFolder folder_;
  Dataset data_;
  TrainOptions options_;
};

// Every figure of metrics.jsonl is in the events, at its step; nothing else is.
TEST_F(TensorBoardOfTraining, HoldsWhatMetricsHold) {
  options_.adversarial = usual_adversarial_options(AdversarialOptions::Kind::pgd);
  options_.fine_tuning.ema_decay = 0.9;
  options_.learn_tau = true;
  run("run");
  const std::map<std::string, std::map<std::string, std::string>> tags = {
      {"step",
       {{"loss", "train/loss"},
        {"accuracy", "train/accuracy"},
        {"lr", "train/learning_rate"},
        {"tau", "train/tau"},
        {"epoch", "train/epoch"}}},
      {"epoch",
       {{"train_loss", "train/epoch_loss"},
        {"train_accuracy", "train/epoch_accuracy"},
        {"img_per_s", "train/images_per_second"},
        {"zero_gradient_fraction", "train/zero_gradient_fraction"},
        {"displacement", "train/displacement"},
        {"fosc", "train/fosc"},
        {"test_accuracy", "test/accuracy"},
        {"ema_test_accuracy", "test/ema_accuracy"},
        {"validation_accuracy", "validation/accuracy"},
        {"validation_robust_accuracy", "validation/robust_accuracy"}}}};
  std::map<std::string, Shown::Points> expected;
  for (const Json& line : parse_json_lines("metrics", testing::read_text(folder_ / "run/metrics.jsonl"))) {
    const std::string kind = line.at("kind");
    if (!tags.contains(kind)) continue;  // not converged
    for (const auto& [field, value] : line.items()) {
      const bool is_of_its_last_step = kind == "epoch" && (field == "lr" || field == "tau" || field == "epoch");
      if (field == "kind" || field == "step" || is_of_its_last_step) continue;
      ASSERT_TRUE(tags.at(kind).contains(field)) << field;
      expected[tags.at(kind).at(field)].emplace_back(line.at("step"), static_cast<float>(value.get<double>()));
    }
  }
  EXPECT_THAT(expected, SizeIs(15));
  const Shown found = shown("run");
  EXPECT_EQ(found.scalars, expected);
  EXPECT_NE(expected.at("train/tau").front().second, expected.at("train/tau").back().second);  // learned
  const std::string start = field_of(found.hparams.at("_hparams_/session_start_info"), 3).bytes;
  EXPECT_THAT(fields_of(start), SizeIs(3));  // tau, model, the time: where the events are is no setting
  EXPECT_EQ(field_of(field_of(found.hparams.at("_hparams_/session_end_info"), 4).bytes, 1).value, 1u);  // success
}

// The first batch: images of the training half, 8 in a row with 2 pixels between them.
TEST_F(TensorBoardOfTraining, HoldsImagesOfTheFirstBatch) {
  run("run");
  const auto images = shown("run").images.at("train/images");
  ASSERT_THAT(images, SizeIs(1));
  EXPECT_EQ(images[0].first, 1);
  const std::string png = field_of(images[0].second, 4).bytes;
  const int side = 8 * 8 + 7 * 2;
  EXPECT_EQ(field_of(images[0].second, 1).value, static_cast<std::uint64_t>(side));
  EXPECT_EQ(field_of(images[0].second, 2).value, static_cast<std::uint64_t>(side));
  EXPECT_EQ(field_of(images[0].second, 3).value, 3u);
  const DecodedImage grid = decode_image("grid", std::as_bytes(std::span(png)), 3);
  ASSERT_EQ(grid.width, side);
  ASSERT_EQ(grid.height, side);
  std::vector<std::vector<int>> shown_images;
  for (const int corner : {0, 7 * 10}) {  // the first and the last image
    std::vector<int> pixels;
    for (int y = 0; y < 8; ++y)
      for (int i = 0; i < 8 * 3; ++i)
        pixels.push_back(grid.pixels[static_cast<std::size_t>(((corner + y) * side + corner) * 3 + i)]);
    shown_images.push_back(pixels);
  }
  EXPECT_NE(shown_images[0], shown_images[1]);
  for (const std::vector<int>& pixels : shown_images) {
    bool is_there = false;
    for (std::int64_t i = 0; i < data_.train.count && !is_there; ++i) {
      std::vector<float> one(static_cast<std::size_t>(data_.train.pixels()));
      data_.train.copy_image(i, one.data());
      is_there = true;
      for (std::size_t p = 0; p < pixels.size() && is_there; ++p)
        is_there = std::lround(std::clamp(one[p], 0.0f, 1.0f) * 255) == pixels[p];
    }
    EXPECT_TRUE(is_there);
  }
}

// A run that is killed and resumed shows each step once, with the figures of an uninterrupted one.
TEST_F(TensorBoardOfTraining, AResumedRunShowsEachStepOnce) {
  run("whole");
  kill_after("killed", 448 + 448 + 300);  // in the third epoch, after lines that the checkpoint does not know
  EXPECT_EQ(shown("killed").scalars.at("train/loss").back().first, 18);
  EXPECT_FALSE(shown("killed").hparams.contains("_hparams_/session_end_info"));
  options_.resume = true;
  run("killed");
  EXPECT_THAT(event_files(folder_ / "events/killed"), SizeIs(2));
  Shown whole = shown("whole"), killed = shown("killed");
  for (Shown* const s : {&whole, &killed}) s->scalars.erase("train/images_per_second");
  EXPECT_EQ(killed.scalars, whole.scalars);
  EXPECT_EQ(killed.images, whole.images);
  EXPECT_TRUE(killed.hparams.contains("_hparams_/session_end_info"));
  run("killed");  // nothing to do, nothing written
  EXPECT_THAT(event_files(folder_ / "events/killed"), SizeIs(2));
}

TEST_F(TensorBoardOfTraining, KilledInItsFirstEpochItShowsTheFirstBatchOnce) {
  kill_after("killed", 200);
  options_.resume = true;
  run("killed");
  EXPECT_THAT(shown("killed").images.at("train/images"), SizeIs(1));
  EXPECT_EQ(shown("killed").scalars.at("train/loss").front().first, 2);
}

TEST_F(TensorBoardOfTraining, ADivergedRunHasFailed) {
  options_.lr = {.base = 1e30};
  ASSERT_TRUE(run("run").divergence.has_value());
  const Shown found = shown("run");
  EXPECT_TRUE(std::isnan(found.scalars.at("train/loss").back().second));
  EXPECT_EQ(field_of(field_of(found.hparams.at("_hparams_/session_end_info"), 4).bytes, 1).value, 2u);
}

TEST_F(TensorBoardOfTraining, PlacesThatAreRefused) {
  run("run");
  std::filesystem::remove_all(folder_ / "run");
  EXPECT_THAT(mistake_of([&] { run("run"); }), HasSubstr("events/run: holds events of another training"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/metrics.jsonl"));
  std::ofstream(folder_ / "file") << "x";
  options_.tensorboard = (folder_ / "file").string();
  EXPECT_THAT(mistake_of([&] { run("run"); }), HasSubstr("--tensorboard"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/metrics.jsonl"));
}

}  // namespace
}  // namespace kelvin
