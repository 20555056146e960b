// `--tensorboard DIR` of train and sweep: which folders get event files, and what resuming and overwriting do to them.
#include "tests/apps/event_reader.h"
#include "tests/cli/mpirun.h"

namespace kelvin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::string kSweep =
    "sweep --data synthetic:train=128,test=60,size=6,classes=3 --model mlp --batch-size 32 --grid tau=1,50 --measure "
    "clean,pgd --attack-limit 8 --out sweep --tensorboard tb --quiet ";

class TensorBoard : public CliTest {
 protected:
  [[nodiscard]] Shown shown(const std::string& run) const { return shown_of(folder_ / ("tb/" + run)); }
};

TEST_F(TensorBoard, AResumedRunGoesOnInItsFolder) {
  json(std::string(kTrain) + "--out runs/a/ --tensorboard tb");
  EXPECT_THAT(read_text(folder_ / "runs/a/config.toml"), HasSubstr("tensorboard = \"" + (folder_ / "tb").string()));
  json("train --resume --epochs 3 --out runs/a");
  EXPECT_THAT(event_files(folder_ / "tb/a"), SizeIs(2));
  EXPECT_THAT(shown("a").scalars.at("test/accuracy"), SizeIs(3));
  json("train --resume --epochs 4 --tensorboard other --out runs/a");  // may change
  EXPECT_THAT(shown_of(folder_ / "other/a").scalars.at("test/accuracy"), SizeIs(1));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tb/search"));
}

TEST_F(TensorBoard, ASearchLeavesNoEvents) {
  json(std::string(kTrain) + "--tau auto --auto-taus 1,10 --auto-eta 2 --out run --tensorboard tb");
  EXPECT_THAT(event_files(folder_ / "tb/run"), SizeIs(1));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "tb"), {}), 1);
}

TEST_F(TensorBoard, PlacesThatAreRefused) {
  json(std::string(kTrain) + "--out run --tensorboard tb");
  std::filesystem::remove_all(folder_ / "run");
  const std::string train = std::string(kTrain) + "--quiet --out run --tensorboard ";
  expect_mistake(train + "tb", "--tensorboard tb/run: holds events of another training; remove it");
  std::ofstream(folder_ / "file") << "x";
  expect_mistake(train + "file", "--tensorboard file/run: cannot make the folder");
  expect_mistake(train + "/proc/self", "--tensorboard /proc/self/run: cannot make the folder");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
  expect_mistake("sweep --seeds 0 --out s --quiet --tensorboard file", "--tensorboard file: cannot make the folder");
  std::filesystem::create_directories(folder_ / "tb/tau-50_seed-0");
  std::ofstream(folder_ / "tb/tau-50_seed-0/events.out.tfevents.1.host.1.0") << "x";
  expect_mistake(kSweep + "--epochs 1", "--tensorboard tb/tau-50_seed-0: holds events of another training");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "sweep"));
}

TEST_F(TensorBoard, ASweepAddsWhatItMeasured) {
  const Json table = json(kSweep + "--epochs 2");
  for (const Json& row : table.at("rows")) {
    const std::string cell = row.at("label") == "tau 1" ? "tau-1_seed-0" : "tau-50_seed-0";
    const Shown trained = shown(cell), measured = shown(cell + "/measured");
    EXPECT_EQ(trained.scalars.at("train/loss").back().first, 8);
    EXPECT_TRUE(trained.hparams.contains("_hparams_/session_end_info"));
    const auto clean = measured.scalars.at("clean");
    ASSERT_THAT(clean, SizeIs(1));
    EXPECT_EQ(clean[0].first, 8);
    EXPECT_EQ(clean[0].second, static_cast<float>(row.at("figures").at("clean").at("mean").get<double>())) << cell;
    EXPECT_TRUE(measured.scalars.contains("pgd_log_odds"));
  }
  const std::string experiment = field_of(shown("").hparams.at("_hparams_/experiment"), 2).bytes;
  std::vector<std::string> settings;
  for (const ProtobufField& field : fields_of(experiment))
    if (field.number == 4) settings.push_back(field_of(field.bytes, 1).bytes);
  std::ranges::sort(settings);
  EXPECT_EQ(settings, (std::vector<std::string>{"seed", "tau"}));

  const std::string first = read_text(event_files(folder_ / "tb/tau-1_seed-0").at(0));
  json(kSweep + "--epochs 2");  // finished: no cell trains again
  EXPECT_EQ(read_text(event_files(folder_ / "tb/tau-1_seed-0").at(0)), first);
  json(kSweep + "--epochs 1 --overwrite");  // other trainings take the place of these
  EXPECT_THAT(event_files(folder_ / "tb/tau-1_seed-0"), SizeIs(1));
  EXPECT_EQ(shown("tau-1_seed-0").scalars.at("train/loss").back().first, 4);
}

using TensorBoardOfRanks = MpirunTest;

TEST_F(TensorBoardOfRanks, TheFirstAloneWrites) {
  const Outcome o = ranks(2, std::string(kTrain) + "--device cpu --threads 1 --quiet --out run --tensorboard tb");
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(event_files(folder_ / "tb/run"), SizeIs(1));
  EXPECT_THAT(shown_of(folder_ / "tb/run").scalars.at("test/accuracy"), SizeIs(2));
}

}  // namespace
}  // namespace kelvin::testing
