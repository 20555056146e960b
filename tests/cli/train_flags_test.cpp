// The flags of train: what --resume keeps, what is refused, what config.toml says.
#include <fstream>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using testing::Outcome;
using testing::read_text;

class TrainFlagsTest : public testing::CliTest {
 protected:
  // Labels that the images show, so that training has something to do.
  void write_set(const std::string& name) {
    std::filesystem::create_directories(folder_ / name);
    std::vector<std::uint8_t> pixels, labels;
    for (int i = 0; i < 40; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % 2));
      for (int p = 0; p < 16; ++p) pixels.push_back(static_cast<std::uint8_t>(100 * (i % 2) + (7 * i + 3 * p) % 50));
    }
    for (const std::string half : {"train", "test"}) {
      write_npy(folder_ / (name + "/" + half + "_images.npy"), std::span<const std::uint8_t>(pixels), {40, 4, 4, 1});
      write_npy(folder_ / (name + "/" + half + "_labels.npy"), std::span<const std::uint8_t>(labels), {40});
    }
  }
};

constexpr const char* kRun =
    "train --data synthetic:train=128,test=40,size=6,classes=3 --model mlp --batch-size 32 --lr 0.05 --tau 20 "
    "--lr-times-tau --lr-schedule constant --weight-decay 1/2000 --momentum 0.8 --seed 4 --quiet ";

TEST_F(TrainFlagsTest, ResumeGoesOnAsTheRunWasBegun) {
  ASSERT_EQ(kelvin(std::string(kRun) + "--epochs 4 --out whole").code, 0);
  ASSERT_EQ(kelvin(std::string(kRun) + "--epochs 2 --out part").code, 0);
  EXPECT_THAT(kelvin("train --resume --out part").out, HasSubstr("finished already"));
  const Json resumed = json("train --resume --out part --epochs 4");
  EXPECT_EQ(resumed["tau"], 20);
  EXPECT_EQ(resumed["seed"], 4);
  expect_same_tensors("whole", "part");
  EXPECT_EQ(read_text(folder_ / "part/config.toml"), read_text(folder_ / "whole/config.toml"));
  // What computes and what is written may change; the file says so.
  ASSERT_EQ(kelvin("train --resume --out part --log-every 3 --threads 1 --device cpu").code, 0);
  EXPECT_THAT(read_text(folder_ / "part/config.toml"), HasSubstr("log-every = 3\n"));
  // The command that began it, and its own config.
  EXPECT_EQ(kelvin(std::string(kRun) + "--epochs 4 --out part --resume").code, 0);
  EXPECT_EQ(kelvin("train --resume --config part/config.toml --out part").code, 0);
}

TEST_F(TrainFlagsTest, ResumeRefusesAnotherExperiment) {
  ASSERT_EQ(kelvin(std::string(kRun) + "--epochs 1 --out run").code, 0);
  const std::string config = read_text(folder_ / "run/config.toml"), resume = "train --resume --out run --epochs 2 ";
  expect_mistake(resume + "--tau 3", "--tau 3: the run in run was begun with 20");
  expect_mistake(resume + "--seed 5", "--seed 5: the run in run was begun with 4");
  expect_mistake(resume + "--optimizer adam", "--optimizer adam: the run in run was begun with sgd");
  expect_mistake(resume + "--nesterov", "--nesterov true: the run in run was begun with false");
  expect_mistake(resume + "--adversarial-eps 0.1", "--adversarial-eps 0.1: the run in run was begun with none");
  expect_mistake(resume + "--data synthetic:train=64", "was begun with synthetic:train=128,test=40,size=6,classes=3");
  EXPECT_EQ(read_text(folder_ / "run/config.toml"), config);
  expect_mistake("train --resume", "--resume needs --out");
  std::ofstream(folder_ / "run/config.toml", std::ios::app) << "no-such = 1\n";
  expect_mistake(resume, "run/config.toml: train has no flag 'no-such'");
  std::filesystem::remove(folder_ / "run/config.toml");
  expect_mistake(resume, "no config.toml");
}

TEST_F(TrainFlagsTest, ASearchedRunResumesWithWhatTheSearchChose) {
  const std::string search =
      "train --data synthetic:train=128,test=40,size=6,classes=3 --model mlp --batch-size 32 --lr 0.05 --lr-schedule "
      "constant --quiet --tau auto --auto-taus 1,20 --auto-eta 2 ";
  const Json begun = json(search + "--epochs 2 --out run");
  EXPECT_EQ(json("train --resume --out run --epochs 3")["tau"], begun["tau"]);
  EXPECT_EQ(json(search + "--resume --out run --epochs 4")["tau"], begun["tau"]);
  expect_mistake("train --resume --out run --tau 7", "--tau 7: the run in run was begun with ");
}

TEST_F(TrainFlagsTest, PathsInARunAreAbsolute) {
  write_set("set");
  ASSERT_EQ(kelvin("train --data npy:set --model mlp --epochs 1 --batch-size 8 --out run --quiet").code, 0);
  EXPECT_THAT(read_text(folder_ / "run/config.toml"), HasSubstr("data = \"npy:" + (folder_ / "set").string() + "\""));
  EXPECT_EQ(kelvin("train --resume --out run --epochs 2 --data npy:./set --quiet").code, 0);
  std::filesystem::create_directories(folder_ / "elsewhere");
  EXPECT_EQ(testing::run_program(folder_ / "elsewhere", KELVIN_PROGRAM, "evaluate ../run --quiet").code, 0);
}

TEST_F(TrainFlagsTest, ConfigKeepsSwitchesThatAreOff) {
  ASSERT_EQ(kelvin(std::string(kRun) + "--epochs 1 --out one").code, 0);
  ASSERT_EQ(kelvin("train --config one/config.toml --out two --quiet").code, 0);
  EXPECT_EQ(read_text(folder_ / "one/config.toml"), read_text(folder_ / "two/config.toml"));
  EXPECT_THAT(read_text(folder_ / "two/config.toml"), HasSubstr("nesterov = false\n"));
}

TEST_F(TrainFlagsTest, AdamHasALearningRateOfItsOwn) {
  const std::string toy =
      "train --data synthetic:train=32,test=8,size=4,classes=2 --model mlp --epochs 1 --batch-size 16 ";
  for (const std::string optimizer : {"adam", "adamw"}) {
    const Outcome o = kelvin(toy + "--optimizer " + optimizer + " --lr-times-tau --tau 2 --json --out " + optimizer);
    EXPECT_EQ(Json::parse(o.out)["lr"], 0.001);
    EXPECT_THAT(o.err, HasSubstr("learning rate 0.001, the default of " + optimizer));
    EXPECT_THAT(o.err, HasSubstr("--lr-times-tau undoes"));
    EXPECT_THAT(read_text(folder_ / (optimizer + "/config.toml")), HasSubstr("\nlr = 0.001\n"));
  }
  const Outcome given = kelvin(toy + "--optimizer adam --lr 0.1 --json --out given");
  EXPECT_EQ(Json::parse(given.out)["lr"], 0.1);
  EXPECT_THAT(given.err, Not(HasSubstr("default")));
  EXPECT_EQ(json(toy + "--out sgd")["lr"], 0.1);
}

TEST_F(TrainFlagsTest, FlagsThatMeanNothingAreRefused) {
  const std::string train = std::string(kTrain) + "--out x ";
  expect_mistake(train + "--tau-end 3", "--tau-end needs --tau-schedule");
  expect_mistake(train + "--tau-lr 0.1", "--tau-lr needs --tau learn");
  expect_mistake(train + "--adversarial-eps 8/255", "--adversarial-eps needs --adversarial pgd, trades or mart");
  expect_mistake(train + "--adversarial-steps 10",
                 "--adversarial-steps needs --adversarial");  // the default, but given
  expect_mistake(train + "--adversarial pgd --trades-beta 3", "--trades-beta needs --adversarial trades");
  expect_mistake(train + "--adversarial trades --mart-lambda 3", "--mart-lambda needs --adversarial mart");
  expect_mistake(train + "--adversarial pgd --awp-warmup 1", "--awp-warmup needs --awp");
  expect_mistake(train + "--adversarial pgd --balance-tau", "--balance-tau needs --adversarial trades or mart");
  expect_mistake(train + "--adversarial trades --awp 0.005 --awp-warmup 2", "--awp-warmup 2 leaves none of 2 epochs");
  expect_mistake(train + "--warmup-epochs 3", "--warmup-epochs 3 does not fit into --epochs 2");
  expect_mistake(train + "--optimizer adam --momentum 0.5", "--momentum needs --optimizer sgd");
  expect_mistake(train + "--beta1 0.5", "--beta1 needs --optimizer adam");
  expect_mistake(train + "--threads -1", "--threads must be 0 to 1024, got -1");
  expect_mistake(train + "--train-limit -5", "--train-limit must be 0 or more, got -5");
  expect_mistake(train + "--batch-size 0", "--batch-size must be 1 or more, got 0");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

TEST_F(TrainFlagsTest, MistakesInAConfigNameFileAndEntry) {
  const auto write = [&](const std::string& text) { std::ofstream(folder_ / "c.toml") << text; };
  const std::string command = "train --config c.toml --out x";
  write("tau = 3\n");
  expect_mistake(command, "c.toml: 'tau' stands outside a section; flags of train belong under [train]");
  write("[train]\ntemperature = 3\n");
  expect_mistake(command, "c.toml: train has no flag 'temperature'");
  write("[trian]\ntau = 3\n");
  expect_mistake(command, "c.toml: [trian] is no command");
  write("[train]\nout = \"y\"\n");
  expect_mistake(command, "c.toml: ");
}

TEST_F(TrainFlagsTest, MistakesAroundARun) {
  ASSERT_EQ(kelvin(std::string(kTrain) + "--quiet --out run").code, 0);
  expect_mistake("evaluate run --model resnet20", "--model needs --weights; run names its own model");
  expect_mistake("evaluate run/checkpoint.safetensors", "is a file, not a run folder");
  expect_mistake("evaluate run --limit -5", "--limit must be 0 or more, got -5");
  expect_mistake("evaluate run --batch-size 0", "--batch-size must be 1 or more, got 0");

  const std::string predict = "predict --weights run/checkpoint.safetensors --output z.npy --input ";
  const std::vector<float> bytes_as_floats(2 * 64, 200.0f), unit(2 * 64, 0.5f), three(2 * 192, 0.5f);
  write_npy(folder_ / "x.npy", std::span<const float>(bytes_as_floats), {2, 8, 8, 1});
  write_npy(folder_ / "unit.npy", std::span<const float>(unit), {2, 8, 8, 1});
  write_npy(folder_ / "x3.npy", std::span<const float>(three), {2, 8, 8, 3});
  expect_mistake(predict + "x.npy", "x.npy: image 0, element 0 is 200, expected floats in [0, 1]");
  EXPECT_EQ(kelvin(predict + "x.npy --no-normalize").code, 0);
  EXPECT_EQ(kelvin(predict + "unit.npy").code, 0);
  expect_mistake(predict + "x3.npy", "x3.npy: 3 channels, the model takes 1");
}

TEST_F(TrainFlagsTest, BenchRowsOfDataKnowTheirMemory) {
  EXPECT_EQ(json("bench --cases train-mlp --size 8 --precision bf16 --seconds 0.01")["rows"][0]["precision"], "bf16");
  const Json rows = json("bench --cases load --batch-size 16 --size 8 --seconds 0.01")["rows"];
  EXPECT_GT(rows[0]["peak_rss_mb"].get<double>(), 1);
  expect_mistake("bench --cases fly-resnet8", "load or corrupt-NAME");
}

}  // namespace
}  // namespace kelvin
