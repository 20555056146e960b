// The program under mpirun on this machine: what several ranks compute equals, byte for byte, what one process computes.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/support.h"

namespace kelvin {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::read_text;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

// Without what time changes: seconds, and the checksum over them.
Json without_time(Json json) {
  if (json.is_object()) {
    json.erase("seconds");
    json.erase("kelvin.checksum");
  }
  if (json.is_structured())
    for (Json& value : json) value = without_time(std::move(value));
  return json;
}

class ParallelRuns : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!KELVIN_HAS_MPI || std::system("command -v mpirun >/dev/null") != 0) GTEST_SKIP() << "MPI is not installed";
    fs::create_directories(folder_ / "one");
    train("mlp", "run", "");
  }
  void train(const std::string& model, const std::string& name, const std::string& flags) {
    const Outcome o = kelvin("one", 1,
                             "train --data synthetic:train=256,test=100,size=8,classes=4,overlap=0.2 --model " + model +
                                 " --epochs 1 --batch-size 32 --lr 0.05 --quiet --out " + name + " " + flags);
    ASSERT_EQ(o.code, 0) << o.err;
  }
  Outcome kelvin(const std::string& folder, int ranks, const std::string& arguments) {
    const std::string command =
        "cd '" + (folder_ / folder).string() +
        "' && OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 " +
        (ranks == 1 ? std::string() : str("mpirun --quiet --oversubscribe --bind-to none -n ", ranks)) +
        " '" KELVIN_PROGRAM "' " + arguments + " >../stdout.txt 2>../stderr.txt </dev/null";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), read_text(folder_ / "stdout.txt"), read_text(folder_ / "stderr.txt")};
  }

  // The same command alone and on ranks, each in a folder of its own: standard output and every file that it leaves are equal. Returns what
  // the ranks say on standard error.
  std::string expect_equal(int ranks, const std::string& command) {
    fs::remove_all(folder_ / "many");
    fs::copy(folder_ / "one", folder_ / "many", fs::copy_options::recursive);
    const Outcome one = kelvin("one", 1, command + " --json --quiet"),
                  many = kelvin("many", ranks, command + " --json --quiet");
    EXPECT_EQ(one.code, 0) << command << "\n" << one.err;
    EXPECT_EQ(many.code, 0) << command << "\n" << many.err;
    if (one.code != 0 || many.code != 0) return many.err;
    EXPECT_EQ(without_time(Json::parse(many.out)).dump(), without_time(Json::parse(one.out)).dump()) << command;
    const std::set<std::string> files = files_of("one");
    EXPECT_EQ(files_of("many"), files);
    for (const std::string& file : files) {
      const std::string a = read_text(folder_ / ("one/" + file)), b = read_text(folder_ / ("many/" + file));
      if (file.ends_with(".json"))
        EXPECT_EQ(without_time(Json::parse(b)).dump(), without_time(Json::parse(a)).dump()) << command << ": " << file;
      else
        EXPECT_TRUE(a == b) << command << ": " << file << " differs";
    }
    return many.err;
  }
  [[nodiscard]] std::set<std::string> files_of(const std::string& name) const {
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / name))
      if (entry.is_regular_file()) files.insert(fs::relative(entry.path(), folder_ / name).string());
    return files;
  }
  TemporaryFolder folder_;
};

// 15 batches, the last with two images; 4 ranks for one batch.
TEST_F(ParallelRuns, EvaluationEqualsOneProcess) {
  EXPECT_EQ(expect_equal(3, "evaluate run --batch-size 7 --fit-tau folds"), "");
  EXPECT_EQ(expect_equal(4, "evaluate run"), "note: 4 ranks share 1 batch; a smaller --batch-size would use all\n");
}

TEST_F(ParallelRuns, CorruptionsEqualOneProcess) {
  train("mlp", "baseline", "--seed 1");
  expect_equal(3,
               "corrupt run --batch-size 30 --severity 2 --corruptions gaussian_noise,elastic_transform,fog "
               "--baseline baseline --save images");
}

// Batches of three: the images of the report's strip come from several ranks.
TEST_F(ParallelRuns, AttacksOnBatchesEqualOneProcess) {
  expect_equal(3, "attack run --batch-size 3 --steps 5 --save-adversarial a.npy --save-results a.jsonl");
  expect_equal(2, "attack run --batch-size 16 --steps 5 --norm l2 --targeted least-likely --restarts 2");
}

TEST_F(ParallelRuns, AttacksByMembersEqualOneProcess) {
  for (const char* attack : {"apgd-t --steps 5", "fab --steps 5", "square --queries 50", "cw --norm l2 --steps 10",
                             "pgd --targeted all --steps 5"})
    expect_equal(
        2,
        str("attack run --limit 40 --batch-size 9 --save-adversarial a.npy --save-results a.jsonl --attack ", attack));
}

TEST_F(ParallelRuns, AutoattackEqualsOneProcess) {
  expect_equal(4,
               "attack run --limit 50 --batch-size 6 --attack autoattack --steps 5 --queries 30 "
               "--save-adversarial a.npy --save-results a.jsonl");
}

// Convolutions and bfloat16, where sums depend most on the shape of a batch.
TEST_F(ParallelRuns, NetworksOfConvolutionsEqualOneProcess) {
  train("resnet8", "resnet", "--precision bf16");
  expect_equal(2, "evaluate resnet --batch-size 40");
  expect_equal(3, "attack resnet --limit 50 --batch-size 20 --steps 3 --save-results a.jsonl");
}

TEST_F(ParallelRuns, AuditEqualsOneProcess) {
  train("mlp", "twin", "--seed 1");
  expect_equal(3, "audit run --twin twin --limit 50 --batch-size 8 --steps 5 --queries 20 --random-points 20");
}

TEST_F(ParallelRuns, ASweepEqualsOneProcess) {
  const std::string command =
      "sweep --data synthetic:train=128,test=60,size=6,classes=4 --model mlp --epochs 2 --batch-size 32 --threads 1 "
      "--grid tau=1,50 --seeds 0,1 --lr-times-tau --measure clean --json --quiet --out sweep";
  fs::create_directories(folder_ / "many");
  const Outcome one = kelvin("one", 1, command), many = kelvin("many", 2, command);
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(many.code, 0) << many.err;
  EXPECT_EQ(many.out, one.out);
  for (const char* file : {"sweep/cells.csv", "sweep/table.json", "sweep/table.txt", "sweep/report.html"})
    EXPECT_EQ(read_text(folder_ / (std::string("many/") + file)), read_text(folder_ / (std::string("one/") + file)))
        << file;
  for (const char* cell : {"tau-1_seed-0", "tau-1_seed-1", "tau-50_seed-0", "tau-50_seed-1"}) {
    const std::string log = read_text(folder_ / (std::string("many/sweep/") + cell + "/log.txt"));
    EXPECT_EQ(log.find("train loss"), log.rfind("train loss")) << cell << " was trained twice";
  }
}

TEST_F(ParallelRuns, ACellThatFailsStandsInTheTable) {
  const Outcome o = kelvin("one", 2,
                           "sweep --data synthetic:train=128,test=60,size=6,classes=4 --model mlp --epochs 1 "
                           "--threads 1 --variant 'lost: init=nowhere.safetensors' --variant 'plain: tau=1' "
                           "--measure clean --quiet --out sweep");
  EXPECT_EQ(o.code, 1);
  EXPECT_EQ(o.err,
            "kelvin: 1 cells failed; their errors are in the table and in sweep/CELL/log.txt; the same command "
            "tries them again\n");
  const Json rows = Json::parse(read_text(folder_ / "one/sweep/table.json"))["rows"];
  EXPECT_EQ(rows[0]["cells"][0]["status"], "failed");
  EXPECT_EQ(rows[1]["cells"][0]["status"], "done");
}

TEST_F(ParallelRuns, AMistakeIsSaidOnce) {
  for (const auto& [command, says] : std::vector<std::pair<std::string, std::string>>{
           {"attack run --eps 2 --batch-size 5", "--eps 2: pixels are in [0, 1]"},
           {"sweep --grid tau=1,0 --out s", "--tau must be > 0"},
           {"report run", "kelvin report is for one process, and 3 were started; start it without mpirun or srun"}}) {
    const Outcome o = kelvin("one", 3, command);
    EXPECT_EQ(o.code, 2) << command;
    EXPECT_EQ(o.out, "");
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    EXPECT_THAT(o.err, HasSubstr(says));
  }
}

}  // namespace
}  // namespace kelvin
