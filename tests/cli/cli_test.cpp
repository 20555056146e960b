#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <thread>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"
#include "tests/cli/lines.h"

namespace kelvin {
namespace {

using testing::CliTest;
using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;
using testing::read_text;

TEST_F(CliTest, ASmallExperimentEndToEnd) {
  const Json trained = json(std::string(kTrain) + "--tau 20 --lr-times-tau --out run");
  EXPECT_GT(trained["accuracy"].get<double>(), 0.5);
  EXPECT_FALSE(trained["diverged"].get<bool>());
  for (const char* key : {"train_loss", "img_per_s", "out"}) EXPECT_TRUE(trained.contains(key)) << key;

  const Json at_one = json("evaluate run"), at_tau = json("evaluate run --eval-tau 20");
  EXPECT_EQ(at_one["accuracy"], at_tau["accuracy"]);  // a positive temperature changes no prediction
  EXPECT_GT(at_one["nll"].get<double>(), 0);
  EXPECT_NE(at_one["ece"], at_tau["ece"]);
  EXPECT_EQ(at_one["n"], 100);
  EXPECT_EQ(at_one["accuracy"], trained["accuracy"]);

  const Json corrupted = json("corrupt run --corruptions gaussian_noise,contrast --severity all --save corrupted");
  EXPECT_EQ(corrupted["rows"].size(), 10u);
  // The files evaluate to what was evaluated while they were made; a run against itself has the baseline's errors.
  const Json from =
      json("corrupt run --corruptions gaussian_noise,contrast --severity all --from corrupted --baseline run");
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(from["rows"][i]["accuracy"], corrupted["rows"][i]["accuracy"]) << i;
    EXPECT_EQ(from["rows"][i]["only_model"], 0);
    EXPECT_EQ(from["rows"][i]["p_value"], 1);
  }
  EXPECT_EQ(from["mce"], 1);
  EXPECT_EQ(read_npy(folder_ / "corrupted/contrast.npy").shape, (std::vector<std::int64_t>{500, 8, 8, 1}));
  EXPECT_EQ(read_npy(folder_ / "corrupted/labels.npy").shape, (std::vector<std::int64_t>{500}));

  const Json attacked = json("attack run --eps 8/255 --step 2/255 --steps 5 --save-adversarial adv.npy");
  for (const char* key : {"clean_accuracy", "robust_accuracy", "n", "attack", "eps", "steps", "train_tau", "eval_tau",
                          "attack_tau", "zero_gradient_fraction", "max_linf", "mean_displacement", "median_margin"})
    EXPECT_TRUE(attacked.contains(key)) << key;
  EXPECT_EQ(attacked["train_tau"], 20);
  EXPECT_FLOAT_EQ(attacked["eps"].get<float>(), 8.0f / 255.0f);
  EXPECT_LE(attacked["max_linf"].get<float>(), 8.0f / 255.0f);
  EXPECT_EQ(read_npy(folder_ / "adv.npy").shape, (std::vector<std::int64_t>{100, 8, 8, 1}));

  // A targeted attack has a result and a title of its own.
  EXPECT_EQ(json("attack run --attack cw --targeted random --steps 2")["title"], "C&W, 2 steps, targeted random");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run/results/attack-cw-targeted-random-steps2.json"));
  EXPECT_FALSE(json("attack run --attack cw --targeted all --steps 2").contains("target_success_rate"));

  const Json geometry = json("geometry run");
  EXPECT_GT(geometry["mean_distance"].get<double>(), 0);
  EXPECT_TRUE(geometry.contains("mean_distance_variance"));
  for (const char* key : {"collapse", "feature_rank", "unit_histogram"}) EXPECT_TRUE(geometry.contains(key)) << key;
  const Json gradients = json("gradients run --taus 1,20 --limit 40");
  ASSERT_EQ(gradients["rows"].size(), 2u);
  EXPECT_NEAR(gradients["rows"][0]["feature_cosine"].get<double>(), 1, 1e-6);  // to itself, at tau 1
  expect_mistake("gradients run --across-training", "--keep-checkpoints");
  const Json fitted = json("evaluate run --fit-tau folds");
  EXPECT_EQ(fitted["calibration"].size(), 3u);  // T = 1, the training temperature, the fitted one
  for (const Json& c : fitted["calibration"]) EXPECT_EQ(c["accuracy"], at_one["accuracy"]);
  expect_mistake("evaluate run --fit-tau unseen", "training used 256 of 256");

  // Logits of `predict` on the images an evaluation saw give the same accuracy.
  const Json predicted =
      json("predict --weights run/checkpoint.safetensors --input adv.npy --output z.npy --features f.npy");
  EXPECT_EQ(predicted["n"], 100);
  EXPECT_EQ(read_npy(folder_ / "z.npy").shape, (std::vector<std::int64_t>{100, 4}));
  EXPECT_EQ(read_npy(folder_ / "f.npy").shape, (std::vector<std::int64_t>{100, 256}));
  expect_mistake("predict --weights run/checkpoint.safetensors --classes 7 --input adv.npy --output z.npy",
                 "--classes 7: run/checkpoint.safetensors holds a model of 4");

  EXPECT_EQ(kelvin("report run --out r.html").code, 0);
  const std::string page = read_text(folder_ / "r.html");
  EXPECT_THAT(page, HasSubstr("Chart.js v"));
  EXPECT_THAT(page, HasSubstr("median_margin"));
  for (const char* load : {"<script src", "<link", "@import", "url("})
    EXPECT_EQ(page.find(load), std::string::npos) << load;
}

TEST_F(CliTest, DataShowsAndVerifies) {
  EXPECT_EQ(json("data list")["sets"].size(), 7u);
  EXPECT_EQ(kelvin("data show --data synthetic:train=1,test=4,size=12,channels=3 --image 3 --out sheet.png").code, 0);
  EXPECT_EQ(read_text(folder_ / "sheet.png").substr(1, 3), "PNG");
  EXPECT_EQ(kelvin("data show --data synthetic:train=1,test=4,size=12 --out sheet.html").code, 0);
  const std::string page = read_text(folder_ / "sheet.html");
  EXPECT_THAT(page, HasSubstr("elastic_transform 5"));
  expect_mistake("data show --data synthetic:train=1,test=4 --image 4 --out s.png", "test images 0 to 3");
  expect_mistake("data show --out s.gif", ".png or .html");
  expect_mistake("data verify nothing", "no such file");
  expect_mistake("data fetch mnist", "known: cifar10");
  expect_mistake("data fetch cifar10.1 --url file:///nowhere --out fetched", "download failed");
  std::filesystem::create_directories(folder_ / "set");
  const std::vector<std::uint8_t> pixels(2 * 12, 1), labels = {0, 5};
  write_npy(folder_ / "set/test_images.npy", std::span<const std::uint8_t>(pixels), {2, 2, 2, 3});
  write_npy(folder_ / "set/test_labels.npy", std::span<const std::uint8_t>(labels), {2});
  EXPECT_EQ(json("data verify set")["parts"][0]["images"], 2);
  std::filesystem::resize_file(folder_ / "set/test_labels.npy", 100);
  EXPECT_EQ(kelvin("data verify set").code, 2);
}

TEST_F(CliTest, ConfigLoadsBack) {
  const Json first = json(std::string(kTrain) + "--tau 5 --seed 3 --weight-decay 1/2000 --out one");
  const Json again = json("train --config one/config.toml --out two");
  EXPECT_EQ(first["train_loss"], again["train_loss"]);
  EXPECT_EQ(again["tau"], 5);
  expect_same_tensors("one", "two");
  const Json other = json("train --config one/config.toml --tau 1 --out three");  // flags win
  EXPECT_EQ(other["tau"], 1);
}

TEST_F(CliTest, FineTuningFlags) {
  const std::string toy =
      "train --data synthetic:train=64,test=30,size=8,classes=4 --model resnet8 --epochs 1 --batch-size 16 ";
  (void)json(toy + "--out start");
  const Json tuned = json(toy +
                          "--init start/checkpoint.safetensors --optimizer adam --beta2 0.99 --adam-eps 1e-6 --lr 1e-3 "
                          "--image-size 12 --clip-gradient-norm 1 --label-smoothing 1/10 --ema 0.5 --accumulate 2 "
                          "--layer-decay 0.5 --head-lr-scale 2 --out tuned");
  EXPECT_EQ(tuned["accumulate"], 2);
  EXPECT_EQ(tuned["image_size"], 12);
  EXPECT_EQ(json("evaluate tuned")["accuracy"], tuned["accuracy"]);
  EXPECT_EQ(json("evaluate tuned --weights-from ema")["accuracy"], tuned["ema_accuracy"]);
  const Json again = json("train --config tuned/config.toml --out again");
  EXPECT_EQ(again["train_loss"], tuned["train_loss"]);
  expect_same_tensors("tuned", "again");
  (void)json(toy + "--init start/checkpoint.safetensors --freeze-backbone --out frozen");
  expect_mistake("evaluate frozen --weights-from ema", "not trained with --ema");
  expect_mistake(toy + "--dropout 0.1 --out x", "belong to the vit_* models");
  expect_mistake(toy + "--ema 1 --out x", "--ema must be");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

// SIGKILL in the middle of training; --resume ends with the file of an undisturbed run, byte for byte.
TEST_F(CliTest, ResumesAfterKill) {
  const std::string flags =
      "train --data synthetic:train=2048,test=100,size=8,classes=4 --model resnet8 --epochs 6 --batch-size 32 --lr "
      "0.05 --tau 10 "
      "--augment standard --threads 2 --quiet ";
  ASSERT_EQ(kelvin(flags + "--out whole").code, 0);
  const pid_t child = fork();
  if (child == 0) {
    std::filesystem::current_path(folder_.path());
    std::string command = std::string("exec '" KELVIN_PROGRAM "' ") + flags + "--out part >/dev/null 2>&1";
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  // Killed as soon as it has finished an epoch – whenever that is – unless it finished everything first.
  const auto epochs_done = [&] {
    const std::string metrics = read_text(folder_ / "part/metrics.jsonl");
    std::size_t count = 0;
    for (std::size_t at = metrics.find("\"epoch\",\"lr\""); at != std::string::npos;
         at = metrics.find("\"epoch\",\"lr\"", at + 1))
      ++count;
    return count;
  };
  int status = 0;
  while (epochs_done() < 2 && waitpid(child, &status, WNOHANG) == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  const Outcome resumed = kelvin(flags + "--out part --resume");
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  expect_same_tensors("whole", "part");
}

TEST_F(CliTest, Mistakes) {
  const std::string train = kTrain;
  expect_mistake("", "subcommand");
  expect_mistake("trian", "trian");
  expect_mistake(train + "--tau 0 --out x", "--tau must be > 0, got 0");
  expect_mistake(train + "--tau -2 --out x", "--tau must be > 0, got -2");
  // Only the model or the data shows these; no run folder is left behind.
  const std::string toy = "train --epochs 1 --data synthetic:train=16,test=4,size=8,classes=2 --out x ";
  expect_mistake(toy + "--model vit_tiny_patch7", "do not divide into them");
  expect_mistake(toy + "--model mlp --adversarial pgd --adversarial-loss dlr", "needs at least 3 classes");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
  expect_mistake(train + "--tau nan --out x", "--tau must be > 0");
  expect_mistake(train + "--tau 8/0 --out x", "no number and no fraction");
  expect_mistake(train + "--tau-schedule square --out x", "known: constant, linear, cosine, cyclic");
  expect_mistake(train + "--tau-schedule linear --out x", "needs --tau-end");
  expect_mistake(train, "--out DIR is needed");
  expect_mistake(train + "--out /proc/x", "/proc/x");
  expect_mistake(train + "--optimizer lion --out x", "known: sgd, adam, adamw");
  expect_mistake(train + "--model resnet9 --out x",
                 "known: fast_preactresnet18, mlp, preactresnet18, resnet18, resnet20");
  expect_mistake(train + "--device cuda --out x", "--device cuda");
  expect_mistake(train + "--resume --out x", "nothing to resume");
  expect_mistake(train + "--no-such-flag --out x", "no-such-flag");
  expect_mistake("train --data mnist --out x", "known: cifar10");
  expect_mistake("train --data fashion-mnist:/nowhere --out x", "/nowhere");
  expect_mistake("train --data npy:/nowhere --out x", "no such folder");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));  // a mistake leaves nothing behind
  expect_mistake("evaluate nowhere", "no such run folder");
  expect_mistake("evaluate", "give a run folder");
  expect_mistake("report nowhere", "no such run folder");

  ASSERT_EQ(kelvin(train + "--quiet --out run").code, 0);
  expect_mistake(train + "--out run", "holds a run already");
  expect_mistake("evaluate run --eval-tau 0", "--eval-tau must be > 0");
  expect_mistake("attack run --attack cwx", "known: fgsm, pgd");
  expect_mistake("attack run --quiet=maybe", "--quiet: 'maybe' is not a value it takes");
  expect_mistake("attack run --last-iterate=2x", "--last-iterate: '2x' is no whole number");
  expect_mistake("attack run --targeted 9", "classes are 0 to 3");
  expect_mistake("attack run --targeted maybe", "expected none, random");
  expect_mistake("corrupt run --corruptions rain", "known: all, extra, gaussian_noise");
  expect_mistake("corrupt run --severity 6", "1 to 5");
  expect_mistake("evaluate run --data synthetic:size=9", "its model takes 8x8x1");
  expect_mistake("bench --cases fly-resnet8", "expected train-MODEL");
  std::ofstream(folder_ / "run/results/attack-x.json") << "{broken";
  expect_mistake("report run", "attack-x.json: byte");
  std::filesystem::resize_file(folder_ / "run/checkpoint.safetensors", 1000);
  expect_mistake("evaluate run", "checkpoint.safetensors");
}

TEST_F(CliTest, ATrainingThatHasNotConvergedWarnsOnce) {
  const std::string command =
      "train --data synthetic:train=512,test=100,size=8,classes=4 --seed 1 --model resnet8 --tau 0.1 --epochs 3 "
      "--batch-size 32 --lr 2 --lr-schedule constant --out run ";
  const Outcome o = kelvin(command + "--json");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(Json::parse(o.out)["not_converged"]["lr_over_tau"], 20);
  const std::size_t warning = o.err.find("warning: training has not converged");
  ASSERT_NE(warning, std::string::npos) << o.err;
  EXPECT_EQ(o.err.find("warning", warning + 1), std::string::npos);
  EXPECT_THAT(o.err, HasSubstr("learning rate 2, tau 0.1, learning rate / tau 20"));
  EXPECT_THAT(o.err, HasSubstr("kelvin sweep --preset lr-boundary --grid tau=0.1"));
  EXPECT_THAT(read_text(folder_ / "run/metrics.jsonl"), HasSubstr("not_converged"));
}

TEST_F(CliTest, DivergenceExitsWithThree) {
  const Outcome o = kelvin(std::string(kTrain) + "--tau 0.01 --lr 1e8 --out run --json --quiet");
  EXPECT_EQ(o.code, 3) << o.err;
  const Json json = Json::parse(o.out);
  EXPECT_TRUE(json["diverged"].get<bool>());
  EXPECT_EQ(json["divergence"]["tau"], 0.01);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run/checkpoint.safetensors"));
}

TEST_F(CliTest, QuickstartOnToyData) {
  const std::string flags =
      "quickstart --data synthetic:train=256,test=100,size=8,classes=4 --model mlp --epochs 2 --taus 1,50 ";
  const Json first = json(flags);
  ASSERT_EQ(first["rows"].size(), 2u);
  for (const char* key : {"train_loss", "clean_accuracy", "corruption_accuracy", "pgd_ce_tau1", "pgd_ce_tau_train",
                          "pgd_log_odds", "ce_log_odds_gap", "masking_gap", "zero_gradient_fraction", "median_margin",
                          "distance_variance", "coefficient_of_variation"})
    EXPECT_TRUE(first["rows"][1].contains(key)) << key;
  EXPECT_NEAR(first["rows"][1]["masking_gap"].get<double>(),
              first["rows"][1]["pgd_ce_tau1"].get<double>() - first["rows"][1]["pgd_log_odds"].get<double>(), 1e-12);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "kelvin-quickstart/report.html"));
  EXPECT_EQ(json(flags)["rows"], first["rows"]);  // a second call reads what the first one left
}

// The claims come from the results, which a folder of an earlier version lacks at first.
TEST_F(CliTest, QuickstartMeasuresWhatTheClaimsNeed) {
  const std::string flags =
      "quickstart --data synthetic:train=128,test=60,size=6,classes=3 --model mlp --epochs 1 --taus 1,50 ";
  const Json first = json(flags);
  ASSERT_EQ(first["claims"].size(), 7u);
  for (const Json& claim : first["claims"]) EXPECT_NE(claim["verdict"], "not measured") << claim["key"];
  const std::filesystem::path results = folder_ / "kelvin-quickstart/tau-50/results";
  for (const char* name : {"gradients", "attack-pgd-ce-targeted", "attack-pgd-ce-targeted-all", "audit"}) {
    ASSERT_TRUE(std::filesystem::remove(results / (std::string(name) + ".json"))) << name;
  }
  EXPECT_EQ(json(flags)["claims"], first["claims"]);
  const Outcome text = kelvin(flags + "--quiet");
  EXPECT_THAT(text.out, HasSubstr("A high τ is robust to untargeted PGD"));
  EXPECT_LE(testing::widest_line(text.out), 100u) << text.out;
}

TEST_F(CliTest, HelpShowsExamples) {
  for (const char* command : {"train", "evaluate", "corrupt", "attack", "geometry", "gradients", "predict", "report",
                              "explore", "bench", "quickstart", "learn"}) {
    const Outcome o = kelvin(std::string(command) + " --help");
    EXPECT_EQ(o.code, 0);
    EXPECT_THAT(o.out, HasSubstr("Examples:"));
    for (const char* flag : {"--device", "--seed", "--threads", "--json", "--quiet"})
      EXPECT_THAT(o.out, HasSubstr(flag));
  }
}

TEST_F(CliTest, HelpOfTrainFitsAScreenAndHelpAllHoldsTheRest) {
  const std::string help = kelvin("train --help").out, all = kelvin("train --help-all").out;
  EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 60);
  for (const std::string* text : {&help, &all}) {
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);)
      EXPECT_TRUE(line.size() <= 100 || (text == &all && line.starts_with("  kelvin "))) << line;
    for (const char* group :
         {"Data:", "Model:", "Temperature:", "Optimisation:", "Adversarial training:", "Fine-tuning:", "Output:"})
      EXPECT_THAT(*text, HasSubstr(std::string("\n") + group + "\n"));
    for (const char* flag : {"--data ", "--tau ", "--epochs ", "--out ", "--help-all"})
      EXPECT_THAT(*text, HasSubstr(flag));
  }
  for (const char* flag : {"--nesterov", "--awp ", "--tf32", "--auto-regret"}) {
    EXPECT_THAT(help, ::testing::Not(HasSubstr(flag)));
    EXPECT_THAT(all, HasSubstr(flag));
  }
  const std::string common = all.substr(all.find("\nOptions:"), all.find("\nData:") - all.find("\nOptions:"));
  EXPECT_EQ(std::count(common.begin(), common.end(), '\n'), 15) << "a flag of train without a group?\n" << common;
}

}  // namespace
}  // namespace kelvin
