// A run folder under other conditions: two processes, files of other programs, edits, torn lines, changed data.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::MatchesRegex;
using testing::Outcome;
using testing::read_text;

namespace fs = std::filesystem;

constexpr const char* kToy =
    "train --data synthetic:train=128,test=40,size=6,classes=3 --model mlp --batch-size 32 --lr 0.05 --lr-schedule "
    "constant --quiet ";

class RunFolderTest : public testing::CliTest {
 protected:
  [[nodiscard]] fs::path at(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(at(name).parent_path());
    std::ofstream(at(name), std::ios::binary) << text;
  }
  // The run's metrics, without what the clock decides.
  [[nodiscard]] std::vector<Json> metrics(const std::string& run) const {
    std::vector<Json> lines;
    std::istringstream in(read_text(at(run + "/metrics.jsonl")));
    for (std::string line; std::getline(in, line);) {
      lines.push_back(Json::parse(line));
      lines.back().erase("img_per_s");
    }
    return lines;
  }
  // A kept result without its checksum.
  [[nodiscard]] Json kept_result(const std::string& name) const {
    Json json = Json::parse(read_text(at(name)), nullptr, false);
    for (const char* key : {"kelvin.format", "kelvin.checksum"}) json.erase(key);
    return json;
  }
  // What it kept of its training, without the clock and its own name.
  [[nodiscard]] Json report(const std::string& run) const {
    Json json = kept_result(run + "/results/train.json");
    for (const char* key : {"img_per_s", "out"}) json.erase(key);
    return json;
  }
  void edit(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = read_text(at(name));
    const std::size_t found = text.find(from);
    ASSERT_NE(found, std::string::npos) << name << " does not hold " << from;
    write(name, text.replace(found, from.size(), to));
  }
  // Two images a class, of one grey each.
  void write_set(const std::string& name, std::uint8_t first_pixel, std::uint8_t first_test_pixel = 0) const {
    fs::create_directories(at(name));
    std::vector<std::uint8_t> pixels, labels;
    for (int i = 0; i < 40; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % 2));
      for (int p = 0; p < 16; ++p) pixels.push_back(static_cast<std::uint8_t>(100 * (i % 2) + (7 * i + 3 * p) % 50));
    }
    for (const auto& [half, pixel] : {std::pair("train", first_pixel), std::pair("test", first_test_pixel)}) {
      pixels[0] = pixel;
      write_npy(at(name + "/" + half + "_images.npy"), std::span<const std::uint8_t>(pixels), {40, 4, 4, 1});
      write_npy(at(name + "/" + half + "_labels.npy"), std::span<const std::uint8_t>(labels), {40});
    }
  }
};

TEST_F(RunFolderTest, ASecondTrainingIsToldWhoHoldsTheFolder) {
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 2 --out run").code, 0);
  const std::string kept = read_text(at("run/metrics.jsonl"));
  const int lock = open(at("run/lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  const std::string holder = "process 4711 on host lab3";
  write("run/lock", holder + "\n");
  for (const std::string& command :
       {std::string("train --resume --epochs 3 --out run"), kToy + std::string("--out run")})
    expect_mistake(command, holder + " is training there");
  EXPECT_EQ(read_text(at("run/metrics.jsonl")), kept);
  // What only reads the checkpoint works beside it, and leaves its result.
  for (const std::string command : {"evaluate run", "attack run --limit 5", "report run"})
    EXPECT_EQ(kelvin(command).code, 0) << command;
  EXPECT_TRUE(fs::exists(at("run/results/evaluate.json")));
  close(lock);
  EXPECT_EQ(kelvin("train --resume --epochs 3 --quiet --out run").code, 0);
  EXPECT_THAT(read_text(at("run/lock")), MatchesRegex("process [0-9]+ on host .+\n"));
}

// Eight processes at once: one trains, the others report that, and every line is written once.
TEST_F(RunFolderTest, OfManyTrainingsAtOnceOneWins) {
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 5 --threads 1 --out alone").code, 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      fs::current_path(folder_.path());
      const std::string command =
          "exec '" KELVIN_PROGRAM "' " + std::string(kToy) + "--epochs 5 --threads 1 --out run >/dev/null 2>&1";
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    children.push_back(child);
  }
  int won = 0, refused = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    won += WEXITSTATUS(status) == 0 ? 1 : 0;
    refused += WEXITSTATUS(status) == 2 ? 1 : 0;
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(metrics("run"), metrics("alone"));
  expect_same_tensors("run", "alone");
}

TEST_F(RunFolderTest, NoTrainingOverwritesWhatItDidNotWrite) {
  for (const std::string file : {"config.toml", "metrics.jsonl", "best.safetensors", "checkpoint-0003.safetensors",
                                 "search/notes.txt", "results/attack.json"}) {
    write("taken/" + file, "mine");
    expect_mistake(std::string(kToy) + "--out taken", "taken: holds " + file.substr(0, file.find("/notes")));
    EXPECT_EQ(read_text(at("taken/" + file)), "mine");
    EXPECT_FALSE(fs::exists(at("taken/lock"))) << file;
    fs::remove_all(at("taken"));
  }
  write("free/notes.txt", "mine");  // nothing that a training writes
  EXPECT_EQ(kelvin(std::string(kToy) + "--epochs 1 --out free").code, 0);
  // A config.toml of another run, copied into the folder.
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 1 --out other").code, 0);
  fs::create_directories(at("copy"));
  fs::copy(at("other/config.toml"), at("copy/config.toml"));
  expect_mistake(std::string(kToy) + "--tau 3 --epochs 1 --out copy", "copy: holds config.toml of another run");
}

TEST_F(RunFolderTest, AQuickstartOverwritesNothing) {
  const std::string quick =
      "quickstart --data synthetic:train=128,test=40,size=6,classes=3 --model mlp --epochs 1 --taus 1 --attack-limit "
      "10 "
      "--corrupt-limit 10 --quiet --out ";
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 1 --out q/tau-1").code, 0);
  const std::string weights = read_text(at("q/tau-1/checkpoint.safetensors"));
  expect_mistake(quick + "q", "q/tau-1: holds checkpoint.safetensors of another run");
  EXPECT_EQ(read_text(at("q/tau-1/checkpoint.safetensors")), weights);
  EXPECT_TRUE(fs::exists(at("q/tau-1/results/train.json")));
  // Its own, with other settings, too; with the same it reads them.
  const Json once = json(quick + "mine");
  expect_mistake(quick + "mine --lr 0.2",
                 "mine/tau-1: holds checkpoint.safetensors of another run, or of this experiment");
  EXPECT_EQ(json(quick + "mine")["rows"], once["rows"]);
  // Killed after its training: the rest is measured, and the table is the same.
  for (const char* name : {"done", "train", "geometry"})
    fs::remove(at("mine/tau-1/results/" + std::string(name) + ".json"));
  EXPECT_EQ(json(quick + "mine")["rows"], once["rows"]);
}

// Killed in the final evaluation: all epochs are in the checkpoint, and train.json is not there yet.
TEST_F(RunFolderTest, AFinishedRunReportsWhatItsLastEpochKnew) {
  const std::string flags = std::string(kToy) +
                            "--epochs 2 --validation 16 --ema 0.9 --adversarial pgd "
                            "--adversarial-steps 2 --tau learn ";
  const Outcome whole = kelvin(flags + "--json --out whole");
  ASSERT_EQ(whole.code, 0) << whole.err;
  const Json kept = Json::parse(whole.out);
  for (const char* key : {"train_loss", "train_accuracy", "img_per_s", "validation_accuracy",
                          "validation_robust_accuracy", "best_epoch", "ema_accuracy"})
    ASSERT_TRUE(kept.contains(key)) << key;
  fs::remove(at("whole/results/train.json"));
  const Outcome again = kelvin("train --resume --json --quiet --out whole");
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(Json::parse(again.out), kept);
  EXPECT_EQ(kept_result("whole/results/train.json"), kept);
  // So does one that was damaged, and one of a shorter run.
  for (const std::string text : {"{\"epochs\":", "null", "[1]", "{\"epochs\": 1, \"diverged\": false}",
                                 "{\"epochs\": [2], \"diverged\": \"no\"}"}) {
    write("whole/results/train.json", text);
    EXPECT_EQ(json("train --resume --out whole"), kept) << text;
  }
}

// A checkpoint that says nothing of its last epoch (an earlier version's): what is not known is not in the report.
TEST_F(RunFolderTest, NothingIsReportedThatIsNotKnown) {
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 1 --validation 16 --out run").code, 0);
  SafetensorsFile file = read_safetensors(at("run/checkpoint.safetensors"));
  Json position = Json::parse(file.metadata.at("kelvin.position"));
  for (const char* key : {"last", "flags", "data"}) position.erase(key);
  file.metadata["kelvin.position"] = position.dump();
  write_safetensors(at("run/checkpoint.safetensors"), file.tensors, file.metadata);
  fs::remove(at("run/results/train.json"));
  const Outcome o = kelvin("train --resume --json --out run");
  EXPECT_EQ(o.code, 0) << o.err;
  const Json json = Json::parse(o.out);
  EXPECT_TRUE(json["accuracy"].is_number());
  for (const char* key : {"train_loss", "train_accuracy", "img_per_s", "validation_accuracy"})
    EXPECT_FALSE(json.contains(key)) << key;
  fs::remove(at("run/results/train.json"));
  const std::string text = kelvin("train --resume --quiet --out run").out;
  EXPECT_THAT(text, MatchesRegex("test accuracy [0-9.]+ %; run folder run\n"));
}

TEST_F(RunFolderTest, ADivergenceBeforeTheFirstEpochKnowsNoLoss) {
  const Outcome o = kelvin(std::string(kToy) + "--tau 0.01 --lr 1e8 --epochs 2 --validation 16 --json --out run");
  EXPECT_EQ(o.code, 3);
  const Json json = Json::parse(o.out);
  EXPECT_EQ(json["final_tau"], 0.01);
  for (const char* key : {"train_loss", "train_accuracy", "img_per_s", "validation_accuracy", "best_epoch"})
    EXPECT_FALSE(json.contains(key)) << key;
}

TEST_F(RunFolderTest, AnEditedConfigIsRefused) {
  const std::string flags = std::string(kToy) + "--epochs 2 --out ";
  ASSERT_EQ(kelvin(flags + "run").code, 0);
  const std::string config = read_text(at("run/config.toml"));
  edit("run/config.toml", "lr = 0.05", "lr = 0.07");
  expect_mistake("train --resume --out run --epochs 3",
                 "run/config.toml: says lr = 0.07, but the checkpoint was trained with 0.05; put it back");
  expect_mistake("train --resume --out run --epochs 3 --lr 0.07", "says lr = 0.07");
  write("run/config.toml", config + "awp = 0.1\n");
  expect_mistake("train --resume --out run", "says awp = 0.1");
  // A flag that may change, but that the command does not give.
  write("run/config.toml", config);
  edit("run/config.toml", "epochs = 2", "epochs = 3");
  expect_mistake("train --resume --out run", "or give --epochs on the command line");
  EXPECT_EQ(kelvin("train --resume --quiet --out run --epochs 3").code, 0);
  // Others that were not named stay refused.
  edit("run/config.toml", "log-every = 20", "log-every = 1");
  expect_mistake("train --resume --out run --epochs 4", "says log-every = 1");
  edit("run/config.toml", "log-every = 1\n", "log-every = 20\n");
  // A request that is refused changes nothing.
  expect_mistake("train --resume --out run --epochs 1", "--epochs 1: the run in run has 3 epochs behind it");
  EXPECT_EQ(kelvin("train --resume --quiet --out run").code, 0);
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 3 --out whole").code, 0);
  EXPECT_EQ(report("run"), report("whole"));
  expect_same_tensors("run", "whole");
}

// Between the checkpoint that knows the new flags and the config.toml that holds them lies a moment; both are accepted.
TEST_F(RunFolderTest, AChangeThatWasCutInTheMiddleIsNoEdit) {
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 1 --out run").code, 0);
  SafetensorsFile file = read_safetensors(at("run/checkpoint.safetensors"));
  Json position = Json::parse(file.metadata.at("kelvin.position"));
  position["flags_before"] = position["flags"];
  position["flags"]["epochs"] = "3";
  file.metadata["kelvin.position"] = position.dump();
  write_safetensors(at("run/checkpoint.safetensors"), file.tensors, file.metadata);
  const std::string config = read_text(at("run/config.toml"));
  EXPECT_EQ(kelvin("train --resume --quiet --out run").code, 0);  // config.toml was not written yet
  EXPECT_EQ(read_text(at("run/config.toml")), config);
}

TEST_F(RunFolderTest, ATornLineOfMetricsNeverKeepsARunFromGoingOn) {
  const std::string flags = std::string(kToy) + "--epochs 2 --log-every 1 --out ";
  ASSERT_EQ(kelvin(flags + "whole").code, 0);
  ASSERT_EQ(kelvin(std::string(kToy) + "--epochs 1 --log-every 1 --out part").code, 0);
  const std::string text = read_text(at("part/metrics.jsonl"));
  const std::vector<Json> lines = metrics("whole");
  const std::size_t first = metrics("part").size();
  const auto resumed = [&](const std::string& what) {
    const Outcome o = kelvin("train --resume --quiet --epochs 2 --out part");
    EXPECT_EQ(o.code, 0) << what << o.err;
    return o.out;
  };
  const std::string checkpoint = read_text(at("part/checkpoint.safetensors"));
  const std::string config = read_text(at("part/config.toml"));
  const auto again = [&](const std::string& metrics_text) {
    write("part/metrics.jsonl", metrics_text);
    write("part/checkpoint.safetensors", checkpoint);
    write("part/config.toml", config);
  };
  again(text + "{\"kind\":\"step\",\"step\":5,\"lo");  // after the last checkpoint: written again
  (void)resumed("a torn line");
  EXPECT_EQ(metrics("part"), lines);
  again(text.substr(0, text.size() - 7));  // the disk lost the end of what was there
  EXPECT_THAT(resumed("a short file"), HasSubstr("part/metrics.jsonl: the last"));
  std::vector<Json> without = lines;
  without.erase(without.begin() + static_cast<std::ptrdiff_t>(first) - 1);
  EXPECT_EQ(metrics("part"), without);
  again("");
  fs::remove(at("part/metrics.jsonl"));
  (void)resumed("no file");
  EXPECT_EQ(metrics("part"), std::vector<Json>(lines.begin() + static_cast<std::ptrdiff_t>(first), lines.end()));
  expect_same_tensors("part", "whole");
}

TEST_F(RunFolderTest, OtherPixelsAtTheSamePathAreNoticed) {
  write_set("set", 1);
  const std::string flags = "train --data npy:set --model mlp --batch-size 8 --quiet ";
  ASSERT_EQ(kelvin(flags + "--epochs 1 --out run").code, 0);
  write_set("set", 2);
  expect_mistake("train --resume --epochs 2 --out run", "its training images or labels are not those");
  write_set("set", 1, 9);
  expect_mistake("train --resume --epochs 2 --out run", "its test images or labels are not those");
  write_set("set", 2);
  expect_mistake(flags + "--accept-changed-data --epochs 1 --out new", "--accept-changed-data needs --resume");
  EXPECT_EQ(kelvin("train --resume --epochs 2 --accept-changed-data --quiet --out run").code, 0);
  EXPECT_EQ(kelvin("train --resume --epochs 3 --quiet --out run").code, 0);  // these are the run's now
  write_set("set", 1);
  expect_mistake("train --resume --epochs 4 --out run", "go on with these by --accept-changed-data");
}

// A search killed at any moment is continued and makes the same choice.
TEST_F(RunFolderTest, ASearchGoesOnAfterAKill) {
  const std::string flags =
      "train --data synthetic:train=256,test=40,size=6,classes=3 --model mlp --batch-size 16 --lr 0.05 --epochs 9 "
      "--tau auto --auto-taus 0.5,1,20 --threads 1 --quiet --out ";
  ASSERT_EQ(kelvin(flags + "whole").code, 0);
  const Json search = Json::parse(read_text(at("whole/results/tau-search.json")));
  int resumed = 0;
  for (int trial = 0; trial < 2; ++trial) {
    const std::string run = "part" + std::to_string(trial);
    const pid_t child = fork();
    if (child == 0) {
      fs::current_path(folder_.path());
      const std::string command = "exec '" KELVIN_PROGRAM "' " + flags + run + " >/dev/null 2>&1";
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    // Killed when the second candidate has begun.
    while (!fs::exists(at(run + "/search/rung-0/tau-1-lr-0.05/checkpoint.safetensors")) &&
           waitpid(child, nullptr, WNOHANG) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const auto first = fs::last_write_time(at(run + "/search/rung-0/tau-0.5-lr-0.05/checkpoint.safetensors"));
    if (fs::exists(at(run + "/checkpoint.safetensors"))) continue;  // it was faster than the kill
    ++resumed;
    // The same command, and --resume.
    const Outcome o = kelvin(trial == 0 ? flags + run : "train --resume --quiet --out " + run);
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_EQ(Json::parse(read_text(at(run + "/results/tau-search.json")))["rungs"], search["rungs"]);
    EXPECT_EQ(fs::last_write_time(at(run + "/search/rung-0/tau-0.5-lr-0.05/checkpoint.safetensors")), first);
    EXPECT_EQ(read_text(at(run + "/config.toml")), read_text(at("whole/config.toml")));
    EXPECT_EQ(report(run), report("whole"));
    expect_same_tensors(run, "whole");
  }
  EXPECT_GT(resumed, 0);
  // A search with other candidates is another run.
  fs::remove(at("part0/checkpoint.safetensors"));
  expect_mistake(flags + "part0 --auto-taus 2,3", "part0: holds config.toml of another run");
}

}  // namespace
}  // namespace kelvin
