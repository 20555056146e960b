// kelvin sweep from outside: a small sweep end to end, stopped and continued, shared by two processes, cells that fail or diverge.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/safetensors.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using testing::read_text;
using testing::TemporaryFolder;

class SweepCli : public ::testing::Test {
 protected:
  int kelvin(const std::string& arguments, const std::string& output = "out") {
    const std::string command = "cd '" + folder_.path().string() + "' && '" KELVIN_PROGRAM "' " + arguments + " >" +
                                output + ".txt 2>" + output + ".err </dev/null";
    return WEXITSTATUS(std::system(command.c_str()));
  }
  pid_t start(const std::string& arguments) {
    const pid_t child = fork();
    if (child == 0) {
      std::filesystem::current_path(folder_.path());
      const std::string command = "exec '" KELVIN_PROGRAM "' " + arguments + " >/dev/null 2>&1";
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    return child;
  }
  // Without the wall-clock and the folder's name.
  Json table(const std::string& out) {
    Json json = Json::parse(read_text(folder_ / (out + "/table.json")), nullptr, false);
    json.erase("out");
    json.erase("report");
    return json;
  }
  void expect_same_tensors(const std::string& run, const std::string& other) {
    const SafetensorsFile a = read_safetensors(folder_ / (run + "/checkpoint.safetensors"));
    const SafetensorsFile b = read_safetensors(folder_ / (other + "/checkpoint.safetensors"));
    ASSERT_EQ(a.tensors.size(), b.tensors.size());
    for (const auto& [name, tensor] : a.tensors)
      EXPECT_EQ(elements_of(tensor), elements_of(b.tensors.at(name))) << name;
  }
  static constexpr const char* kToy =
      "--data synthetic:train=256,test=60,size=6,classes=4 --model mlp --epochs 3 --batch-size 32 --lr 0.05 "
      "--attack-limit 40 --worst-limit 10 --threads 1 --quiet ";
  static constexpr const char* kGrid = "--grid tau=1,50 --seeds 0,1 --lr-times-tau --measure clean,attacks,worst ";
  TemporaryFolder folder_;
};

TEST_F(SweepCli, EndToEndAndReadAgain) {
  const std::string command = std::string("sweep --preset synthetic ") + kToy + kGrid + "--out a";
  ASSERT_EQ(kelvin(command), 0) << read_text(folder_ / "out.err");
  const Json t = table("a");
  ASSERT_EQ(t["rows"].size(), 2u);
  EXPECT_TRUE(t["rows"][0]["is_baseline"].get<bool>());
  for (const char* key : {"clean", "pgd_ce_tau1", "cw", "pgd_log_odds", "pgd_ce_tau_train", "sound", "worst_case"}) {
    const Json& figure = t["rows"][1]["figures"][key];
    EXPECT_EQ(figure["n"], 2) << key;
    EXPECT_TRUE(figure.contains("p_holm")) << key;
    EXPECT_EQ(figure["over_seeds"]["df"], 1) << key;
  }
  // The minimum over images can be no larger than any of what it is a minimum of.
  EXPECT_LE(t["rows"][1]["figures"]["sound"]["mean"].get<double>(),
            t["rows"][1]["figures"]["cw"]["mean"].get<double>());
  const Json log = Json::parse(read_text(folder_ / "a/tau-50_seed-1/results/attack-pgd-log-odds.json"));
  EXPECT_EQ(log["n"], 40);
  EXPECT_THAT(read_text(folder_ / "out.txt"), HasSubstr("tau 1 (baseline)"));
  EXPECT_THAT(read_text(folder_ / "a/report.html"), HasSubstr("sweep-table"));
  EXPECT_THAT(read_text(folder_ / "a/table.csv"), HasSubstr("tau,logit_scale,cells,done"));
  const std::string cells = read_text(folder_ / "a/cells.csv");
  EXPECT_THAT(cells, HasSubstr("tau,seed,logit_scale,status,train_loss,clean,"));
  EXPECT_EQ(std::count(cells.begin(), cells.end(), '\n'), 5);
  EXPECT_THAT(read_text(folder_ / "a/table.txt"), HasSubstr("Differences from the baseline"));
  // Finished cells are read: nothing is trained a second time.
  const auto trained = std::filesystem::last_write_time(folder_ / "a/tau-1_seed-0/checkpoint.safetensors");
  ASSERT_EQ(kelvin(command + " --json"), 0);
  EXPECT_EQ(std::filesystem::last_write_time(folder_ / "a/tau-1_seed-0/checkpoint.safetensors"), trained);
  EXPECT_EQ(Json::parse(read_text(folder_ / "out.txt"))["rows"], t["rows"]);
  // Other training flags in the same folder are a mistake, not an overwrite.
  EXPECT_EQ(kelvin(command + " --epochs 2"), 2);
  EXPECT_THAT(read_text(folder_ / "out.err"), HasSubstr("other training flags"));
  // A further measurement leaves the training alone.
  ASSERT_EQ(kelvin(command + " --measure clean,attacks,geometry"), 0);
  EXPECT_EQ(std::filesystem::last_write_time(folder_ / "a/tau-1_seed-0/checkpoint.safetensors"), trained);
  EXPECT_TRUE(table("a")["rows"][0]["figures"].contains("coefficient_of_variation"));
}

TEST_F(SweepCli, KilledAndContinuedEqualsUndisturbed) {
  const std::string flags = std::string(kToy) + kGrid + "--epochs 40 ";
  ASSERT_EQ(kelvin("sweep " + flags + "--out whole"), 0) << read_text(folder_ / "out.err");
  const pid_t sweep = start("sweep " + flags + "--out part");
  // Killed as soon as a cell has a few epochs behind it – whenever that is.
  const std::filesystem::path metrics = folder_ / "part/tau-1_seed-0/metrics.jsonl";
  for (int i = 0; i < 6000 && read_text(metrics).find("\"epoch\":3.0") == std::string::npos &&
                  read_text(metrics).find("\"epoch\":3,") == std::string::npos;
       ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill(sweep, SIGKILL);
  waitpid(sweep, nullptr, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "part/table.json"));
  ASSERT_EQ(kelvin("sweep " + flags + "--out part"), 0) << read_text(folder_ / "out.err");
  EXPECT_EQ(table("part")["rows"], table("whole")["rows"]);
  expect_same_tensors("part/tau-1_seed-0", "whole/tau-1_seed-0");
}

TEST_F(SweepCli, TwoProcessesShareOneFolder) {
  const std::string command = std::string("sweep ") + kToy + kGrid + "--out both";
  const pid_t other = start(command);
  ASSERT_EQ(kelvin(command), 0) << read_text(folder_ / "out.err");
  int status = 1;
  waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
  for (const Json& row : table("both")["rows"])
    for (const Json& cell : row["cells"]) EXPECT_EQ(cell["status"], "done");
  // Each cell's log holds one training.
  for (const char* cell : {"tau-1_seed-0", "tau-1_seed-1", "tau-50_seed-0", "tau-50_seed-1"}) {
    const std::string log = read_text(folder_ / ("both/" + std::string(cell) + "/log.txt"));
    const std::size_t first = log.find("train loss");
    EXPECT_NE(first, std::string::npos) << cell;
    EXPECT_EQ(log.find("train loss", first + 1), std::string::npos) << cell;
  }
  // Several workers give the same table.
  ASSERT_EQ(kelvin(std::string("sweep ") + kToy + kGrid + "--jobs 3 --out jobs"), 0);
  EXPECT_EQ(table("jobs")["rows"], table("both")["rows"]);
}

TEST_F(SweepCli, DivergenceIsAResultAndAFailureStopsNothing) {
  ASSERT_EQ(kelvin(std::string("sweep ") + kToy +
                   "--variant 'plain: tau=1' --variant 'wild: lr=1e30' --measure clean,pgd --out d"),
            0)
      << read_text(folder_ / "out.err");
  Json rows = table("d")["rows"];
  EXPECT_EQ(rows[0]["cells"][0]["status"], "done");
  EXPECT_EQ(rows[1]["cells"][0]["status"], "diverged");
  EXPECT_THAT(rows[1]["cells"][0]["detail"].get<std::string>(), HasSubstr("at step"));

  EXPECT_EQ(kelvin(std::string("sweep ") + kToy +
                   "--variant 'lost: init=nowhere.safetensors' --variant 'plain: tau=1' --measure clean --out e"),
            1);
  rows = table("e")["rows"];
  EXPECT_EQ(rows[0]["cells"][0]["status"], "failed");
  EXPECT_THAT(rows[0]["cells"][0]["detail"].get<std::string>(), HasSubstr("nowhere.safetensors"));
  EXPECT_EQ(rows[1]["cells"][0]["status"], "done");
}

// An error of an earlier attempt, whatever stands in it, is tried again; a report of the cell's folder names it.
TEST_F(SweepCli, ADamagedErrorIsNoResult) {
  const std::string command = std::string("sweep ") + kToy + "--epochs 1 --measure clean --grid tau=1 --out a";
  ASSERT_EQ(kelvin(command), 0);
  const Json whole = table("a");
  const std::filesystem::path error = folder_ / "a/tau-1_seed-0/results/error.json";
  for (const std::string& text : {std::string("x"), std::string("null"), std::string(100'000, '[')}) {
    std::ofstream(error) << text;
    EXPECT_EQ(kelvin("report a/tau-1_seed-0 --out r.html"), 2);
    const std::string says = read_text(folder_ / "out.err");
    EXPECT_THAT(says, HasSubstr("a/tau-1_seed-0/results/error.json: "));
    EXPECT_EQ(std::count(says.begin(), says.end(), '\n'), 1) << says;
    EXPECT_THAT(read_text(folder_ / "r.html"), HasSubstr("Not shown:"));
  }
  std::ofstream(error) << R"({"error": 5})";
  EXPECT_EQ(kelvin(command), 0) << read_text(folder_ / "out.err");
  EXPECT_FALSE(std::filesystem::exists(error));
  EXPECT_EQ(table("a"), whole);
}

// A driver without a GPU: why the CPU is taken is said once, and neither by a cell's training nor by its measurement.
TEST_F(SweepCli, TheCpuIsNotedOnce) {
  if (std::string(KELVIN_STAND_IN_DRIVER).empty()) GTEST_SKIP() << "built without CUDA";
  setenv("LD_LIBRARY_PATH", KELVIN_STAND_IN_DRIVER, 1);
  const int code = kelvin(std::string("sweep ") + kToy + "--epochs 1 --measure clean --grid tau=1,2 --jobs 2 --out a");
  unsetenv("LD_LIBRARY_PATH");
  const std::string note = "--device auto takes the CPU: no NVIDIA GPU (cudaErrorNoDevice)";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_text(folder_ / "out.err"), "note: " + note + "\n");
  for (const char* cell : {"a/tau-1_seed-0", "a/tau-2_seed-0"})
    EXPECT_EQ(read_text(folder_ / (std::string(cell) + "/log.txt")).find("auto"), std::string::npos) << cell;
}

// τ = 1 with its logits multiplied: the same predictions and the same log-odds attack, another cross-entropy.
TEST_F(SweepCli, MultipliedLogitsAreARowOfTheirOwn) {
  ASSERT_EQ(kelvin(std::string("sweep ") + kToy +
                   "--variant 'one: tau=1 logit-scale=100' --measure clean,pgd,targeted,geometry,distance,gradients "
                   "--targeted-limit 40 --distance-limit 10 --out s"),
            0)
      << read_text(folder_ / "out.err");
  const Json rows = table("s")["rows"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1]["logit_scale"], 100);
  EXPECT_EQ(rows[0]["figures"]["clean"]["mean"], rows[1]["figures"]["clean"]["mean"]);
  EXPECT_GT(rows[1]["figures"]["zero_gradient_fraction"]["mean"].get<double>(),
            rows[0]["figures"]["zero_gradient_fraction"]["mean"].get<double>());
  EXPECT_EQ(rows[1]["baseline"], rows[0]["label"]);
  for (const char* key : {"untargeted_ce", "targeted_ce", "untargeted_margin", "targeted_margin"})
    EXPECT_TRUE(rows[1]["figures"][key].contains("p_holm")) << key;
  for (const char* key : {"coefficient_of_variation", "median_distance", "mean_distance", "alpha_entropy"}) {
    EXPECT_GT(rows[0]["figures"][key]["mean"].get<double>(), 0) << key;
    EXPECT_FALSE(rows[1]["figures"].contains(key)) << key << ": the scale of the logits does not change it";
  }
}

// The value is chosen on held-out images with seeds of its own; fresh seeds are trained at it and measured on the test half.
TEST_F(SweepCli, AValueIsChosenOnHeldOutImages) {
  const std::string command = std::string("sweep ") + kToy +
                              "--grid tau=1,5 --grid lr=0.0001,0.1 --choose lr --validation 50 --seeds 0,1 "
                              "--measure clean,pgd --out c --json";
  ASSERT_EQ(kelvin(command), 0) << read_text(folder_ / "out.err");
  const Json result = Json::parse(read_text(folder_ / "out.txt"));
  ASSERT_EQ(result["rows"].size(), 2u);
  EXPECT_EQ(result["axes"], Json({"tau"}));
  EXPECT_EQ(result["rows"][1]["label"], "tau 5 (lr 0.1)");
  EXPECT_EQ(result["rows"][1]["baseline"], "tau 1 (lr 0.1)");
  const Json choice = result["choice"];
  EXPECT_EQ(choice["seeds"], Json({100, 101}));
  EXPECT_EQ(choice["settings"][0]["chosen"], "0.1");
  EXPECT_EQ(choice["settings"][0]["is_at_edge"], true);
  EXPECT_EQ(choice["table"]["rows"].size(), 4u);
  const auto images_of = [&](const std::string& cell) {
    return Json::parse(read_text(folder_ / (cell + "/results/evaluate.json")))["correct"].get<std::string>().size();
  };
  EXPECT_EQ(images_of("c/choice/tau-1_lr-0.1_seed-100"), 50u);
  EXPECT_EQ(images_of("c/tau-1_seed-0"), 60u);
  const Json before = table("c");
  ASSERT_EQ(kelvin(command), 0);
  EXPECT_EQ(table("c"), before);
}

// From 0.05, which the toy survives, up to a rate that it does not; a second call trains nothing and finds the same.
TEST_F(SweepCli, BisectionFindsTheLargestRateThatConverges) {
  const std::string command =
      std::string("sweep ") + kToy +
      "--grid tau=0.5,1 --grid lr=0.05 --bisect lr --measure clean --lr-schedule constant --out b";
  ASSERT_EQ(kelvin(command + " --jobs 2"), 0) << read_text(folder_ / "out.err");
  const Json first = table("b");
  const Json found = first["bisection"];
  EXPECT_EQ(found["axis"], "lr");
  ASSERT_EQ(found["settings"].size(), 2u);
  for (const Json& s : found["settings"]) {
    EXPECT_GE(s["converges"], 0.05);
    EXPECT_GT(s["fails"], s["converges"]);
    EXPECT_LE(s["fails"].get<double>() / s["converges"].get<double>(), 1.26);
  }
  EXPECT_THAT(first["reading"].get<std::string>(), HasSubstr("over tau"));
  EXPECT_THAT(read_text(folder_ / "b/cells.csv"), HasSubstr("diverged"));
  ASSERT_EQ(kelvin(command), 0);
  EXPECT_EQ(table("b"), first);
}

TEST_F(SweepCli, EveryPresetIsAPlanThatTrainAccepts) {
  for (const auto& [preset, cells] : std::vector<std::pair<std::string, std::size_t>>{{"temperatures", 8},
                                                                                      {"paper", 8},
                                                                                      {"adversarial", 2},
                                                                                      {"controls", 5},
                                                                                      {"lr-boundary", 6},
                                                                                      {"synthetic", 24},
                                                                                      {"lr-fair", 72},
                                                                                      {"a-a", 40},
                                                                                      {"onset", 8},
                                                                                      {"targeted", 25},
                                                                                      {"head-2x2", 48},
                                                                                      {"trades-tau", 16},
                                                                                      {"at-50", 9},
                                                                                      {"vit", 48},
                                                                                      {"distance", 50},
                                                                                      {"resnet20-confirm", 9}}) {
    ASSERT_EQ(
        kelvin(
            "sweep --preset " + preset +
            " --data synthetic:train=64,test=20,size=8,classes=4 --train-limit 0 --epochs 1 --dry-run --json --quiet"),
        0)
        << preset << read_text(folder_ / "out.err");
    EXPECT_EQ(Json::parse(read_text(folder_ / "out.txt"))["cells"].size(), cells) << preset;
  }
}

TEST_F(SweepCli, MistakesComeBeforeAnyWork) {
  for (const auto& [arguments, says] : std::vector<std::pair<std::string, std::string>>{
           {"--grid tau=1,0", "--tau must be > 0"},
           {"--grid nothing=1,2", "--nothing"},
           {"--preset nothing", "known: temperatures"},
           {"--grid tau=1 --choose lr --validation 10", "--choose lr: no axis of that name; add --grid lr=V1,V2"},
           {"--grid tau=1,2 --choose tau", "add --validation N"},
           {"--grid tau=1 --bisect lr", "--bisect lr: no axis of that name; add --grid lr=V1,V2"},
           {"--grid optimizer=sgd,adam --bisect optimizer", "must be positive numbers, got sgd"},
           {"--grid lr=1,2 --bisect lr --choose lr --validation 10", "--bisect and --choose do not go together"},
           {"--grid tau=1 --choose-seeds 3", "--choose-seeds has no effect without --choose AXIS"},
           {"--grid tau=1 --measure all", "known: clean"},
           {"--grid tau=1 --family clean,robust", "--family robust is unknown; known: train_loss, clean"},
           {"--grid tau=1 --margin 0", "--margin must be > 0"},
           {"--grid tau=1 --devices 0,1 --device cpu", "--devices 0,1: --device cpu uses none"},
           {"--grid tau=1 --devices 0,first", "expected the numbers of GPUs with commas"},
           {"--grid tau=1 --devices 1,1", "names a GPU twice; for several cells at a time on each, --jobs"},
           {"--grid adversarial=none,pgd --set trades-beta=3", "adversarial-none_seed-0: --trades-beta needs"},
           {"", "nothing to sweep"},
           {"--grid tau=1 --seeds a", "--seeds a"}}) {
    EXPECT_EQ(kelvin("sweep " + arguments + " --out m"), 2) << arguments;
    const std::string error = read_text(folder_ / "out.err");
    EXPECT_THAT(error, HasSubstr(says));
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "m"));
  }
}

// No text from a flag, a config file or a folder becomes a command or a flag of the programs that a sweep starts.
TEST_F(SweepCli, TextFromOutsideStaysText) {
  const std::string toy = std::string(kToy) + "--measure clean ";
  std::ofstream(folder_ / "x.toml") << "[sweep]\ndevice = \"cpu; touch pwned; true\"\n";
  for (const std::string& arguments :
       {std::string("--config x.toml --grid tau=1 --dry-run"), std::string("--grid tau=1 --device 'cpu; touch pwned'"),
        std::string("--grid tau=1 --device='$(touch pwned)'")}) {
    EXPECT_EQ(kelvin("sweep " + toy + arguments), 2) << arguments;
    const std::string error = read_text(folder_ / "out.err");
    EXPECT_THAT(error, HasSubstr("--device ")) << arguments;
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "pwned"));
  // A folder whose name looks like a flag.
  EXPECT_EQ(kelvin("sweep " + toy + "--grid tau=1 --out=--json"), 0) << read_text(folder_ / "out.err");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "--json/tau-1_seed-0/results/evaluate.json"));
  // Flags that only the command line of train accepts.
  EXPECT_EQ(kelvin("sweep " + toy + "--grid tau=1 --set out=elsewhere"), 2);
  EXPECT_THAT(read_text(folder_ / "out.err"), HasSubstr("--out=elsewhere is no flag of a run's own"));
  // A cell from another user.
  for (const char* argument : {"--out=elsewhere", "--config=x.toml", "--resume", "weights", "-h", "--nothing"}) {
    Json cell = Json::parse(read_text(folder_ / "--json/tau-1_seed-0/cell.json"));
    cell["train"].push_back(argument);
    std::filesystem::create_directories(folder_ / "cell");
    std::ofstream(folder_ / "cell/cell.json") << cell.dump();
    EXPECT_EQ(kelvin("sweep-cell cell --quiet"), 2) << argument;
    EXPECT_THAT(read_text(folder_ / "out.err"), HasSubstr(std::string("'") + argument + "' is no flag"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
  }
}

TEST_F(SweepCli, TauAutoTrainsWhatItChose) {
  ASSERT_EQ(
      kelvin("train --data synthetic:train=256,test=60,size=6,classes=4 --model mlp --epochs 4 --batch-size 32 "
             "--tau auto --auto-taus 1,50 --auto-lr 1e-9,0.05 --auto-eta 2 --auto-regret --threads 1 --quiet --json "
             "--out auto"),
      0)
      << read_text(folder_ / "out.err");
  const Json chosen = Json::parse(read_text(folder_ / "auto/results/tau-search.json"));
  EXPECT_EQ(chosen["lr"], 0.05);
  EXPECT_EQ(chosen["epochs_trained"], 1 * 4 + 2 * 2);
  EXPECT_EQ(chosen["grid_epochs"], 16);
  EXPECT_GE(chosen["regret"].get<double>(), 0);
  EXPECT_EQ(Json::parse(read_text(folder_ / "out.txt"))["tau"], chosen["tau"]);
  // config.toml holds the choice: loaded back it trains the same model, without a search.
  ASSERT_EQ(kelvin("train --config auto/config.toml --threads 1 --quiet --out again"), 0);
  expect_same_tensors("auto", "again");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "again/results/tau-search.json"));
  EXPECT_EQ(kelvin("train --tau auto --tau-schedule cosine --tau-end 1 --out x"), 2);
}

}  // namespace
}  // namespace kelvin
