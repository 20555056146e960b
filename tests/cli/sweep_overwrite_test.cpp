// `sweep --overwrite` takes the place of its own cells and of nothing else: what is refused changes no file.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <map>

#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::read_text;

namespace fs = std::filesystem;

class SweepOverwriteTest : public testing::CliTest {
 protected:
  // Two cells that another sweep left in a/.
  SweepOverwriteTest() {
    for (const char* cell : {"a/tau-1_seed-0/", "a/tau-50_seed-0/"})
      for (const auto& [name, text] : {std::pair("cell.json", R"({"train": ["--epochs=9"]})"),
                                       {"config.toml", ""},
                                       {"log.txt", "epoch 1\n"},
                                       {"lock", "process 4711 on host lab3\n"},
                                       {"metrics.jsonl", ""},
                                       {"checkpoint.safetensors", "weights"},
                                       {"best.safetensors", "weights"},
                                       {"checkpoint-0003.safetensors", "weights"},
                                       {"search/rung-0/config.toml", ""},
                                       {"results/train.json", "{}"},
                                       {".kelvin-0123456789abcdef.tmp", "of a writer that was killed"}})
        write(std::string(cell) + name, text);
    write("a/locks/sweep.lock", "process 4711 on host lab3\n");
  }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  // Every file of the folder with its content, except the sweep's locks, which name their last holder.
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "a"))
      if (entry.is_regular_file() && entry.path().filename() != "sweep.lock" && entry.path().filename() != "lock")
        files[entry.path().string()] = read_text(entry.path());
    return files;
  }
  void expect_refused(const std::string& arguments, const std::string& says) {
    const auto before = files();
    expect_mistake(arguments, says);
    EXPECT_EQ(files(), before) << arguments;
  }
  [[nodiscard]] int locked(const std::string& name, int how) const {
    const int lock = open((folder_ / name).c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_EQ(flock(lock, how), 0) << name;
    return lock;
  }
  const std::string sweep_ =
      "sweep --data synthetic:train=32,test=20,size=6,classes=3 --model mlp --batch-size 32 --epochs 1 --grid tau=1,50 "
      "--measure clean --threads 1 --quiet --overwrite --out a";
};

TEST_F(SweepOverwriteTest, TakesThePlaceOfItsCells) {
  EXPECT_EQ(kelvin(sweep_).code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "a/tau-50_seed-0/results/done.json"));
  EXPECT_FALSE(fs::exists(folder_ / "a/tau-50_seed-0/search"));
}

// None is removed, also where it is the last that cannot be.
TEST_F(SweepOverwriteTest, IsRefusedWhereSomebodyIsAtWork) {
  const int sweep = locked("a/locks/sweep.lock", LOCK_SH);
  expect_refused(sweep_, "is at work in a; wait for it");
  close(sweep);
  const int training = locked("a/tau-50_seed-0/lock", LOCK_EX);
  expect_refused(sweep_, "a/tau-50_seed-0: process 4711 on host lab3 is training there; wait for it");
  close(training);
}

TEST_F(SweepOverwriteTest, LeavesWhatIsNoCell) {
  // "locks": another sweep has the cell's folder for its own.
  for (const std::string name : {"notes.txt", "results/plot.png", "locks/sweep.lock", "tau-1_seed-0/cell.json"}) {
    write("a/tau-50_seed-0/" + name, "mine");
    const std::string seen = name.starts_with("results/") ? name : name.substr(0, name.find('/'));
    expect_refused(sweep_, "a/tau-50_seed-0: --overwrite would remove " + seen + ", which belongs to no cell");
    fs::remove_all(folder_ / ("a/tau-50_seed-0/" + seen));
  }
  for (const std::string damaged : {"{\"train\": [", "", "null", "[1]"}) {
    write("a/tau-50_seed-0/cell.json", damaged);
    expect_refused(sweep_, "and is no cell of a sweep (cell.json is absent or damaged)");
  }
  fs::remove(folder_ / "a/tau-50_seed-0/cell.json");  // a run that `train` left there
  expect_refused(sweep_, "a/tau-50_seed-0: holds best.safetensors and is no cell of a sweep");
  fs::remove_all(folder_ / "a/tau-50_seed-0");
  fs::create_directories(folder_ / "a/table.csv");  // keeps the table out
  expect_refused(sweep_, "a/table.csv: is a folder");
}

// `train` has no such flag: a folder that holds a run, a cell or anything of another program stays as it is.
TEST_F(SweepOverwriteTest, TrainOverwritesNothing) {
  write("a/other/config.toml", "mine = 1\n");
  for (const char* folder : {"a/tau-1_seed-0", "a/other"}) {
    expect_refused(kTrain + std::string("--quiet --overwrite --out ") + folder, "--overwrite");
    expect_refused(kTrain + std::string("--quiet --out ") + folder, std::string(folder) + ": holds ");
  }
}

}  // namespace
}  // namespace kelvin
