// A checkpoint outside of its run folder is the same model: --weights, --init, predict and weights export use the file's metadata.
#include <cstring>
#include <limits>

#include "data/npy.h"
#include "engine/safetensors.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::Json;

class CheckpointFilesTest : public testing::CliTest {
 protected:
  // Cosine classifier; and logits that evaluation multiplies by 20.
  void SetUp() override {
    CliTest::SetUp();
    (void)json(kTrain + "--classifier cosine --out cosine");
    (void)json(kTrain + "--tau 20 --reparametrize --ema 0.9 --out theorem");
  }
  const std::string kData = "--data synthetic:train=96,test=60,size=8,classes=4,channels=3 ";
  const std::string kTrain = "train " + kData + "--model resnet8 --epochs 1 --batch-size 16 ";
};

TEST_F(CheckpointFilesTest, EvaluatesAsInItsRunFolder) {
  for (const std::string run : {"cosine", "theorem"}) {
    const Json in_folder = json("evaluate " + run),
               alone = json("evaluate --weights " + run + "/checkpoint.safetensors");
    for (const char* key : {"accuracy", "nll", "train_tau"}) EXPECT_EQ(alone.at(key), in_folder.at(key)) << run << key;
  }
  expect_mistake("evaluate --weights cosine/checkpoint.safetensors --model resnet20", "holds a resnet8");
}

// With a learning rate of zero nothing but BatchNorm's statistics could move, and they are frozen too.
TEST_F(CheckpointFilesTest, StartsATrainingAsItEvaluates) {
  const std::string still = "--lr 0 --freeze-backbone ";
  (void)json(kTrain + still + "--init theorem/checkpoint.safetensors --out again");
  EXPECT_NEAR(json("evaluate again")["nll"].get<double>(), json("evaluate theorem")["nll"].get<double>(), 1e-6);
  (void)json(kTrain + still + "--classifier cosine --init cosine/checkpoint.safetensors --out same");
  EXPECT_NEAR(json("evaluate same")["nll"].get<double>(), json("evaluate cosine")["nll"].get<double>(), 1e-6);
  EXPECT_THAT(kelvin(kTrain + still + "--init cosine/checkpoint.safetensors --out other").out,
              HasSubstr("the last layer starts anew"));
}

TEST_F(CheckpointFilesTest, ExportsTheModelThatEvaluates) {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 6 * 8 * 8 * 3; ++i) pixels.push_back(static_cast<std::uint8_t>(37 * i));
  write_npy(folder_ / "x.npy", std::span<const std::uint8_t>(pixels), {6, 8, 8, 3});
  const auto logits = [&](const std::string& flags) {
    (void)json("predict --input x.npy --output z.npy " + flags);
    return read_npy(folder_ / "z.npy").to_float();
  };
  for (const std::string from : {"", "--weights-from ema "}) {
    const Json exported = json("weights export theorem --out e.safetensors " + from);
    EXPECT_EQ(exported["mean"].size(), 3U);
    const std::vector<float> a = logits("--weights theorem/checkpoint.safetensors " + from),
                             b = logits("--weights e.safetensors");
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5f * (1 + std::abs(a[i])));
  }
  expect_mistake("weights export cosine --out e.safetensors", "no linear layer");
}

// Weights without metadata: a model's published constants, or the user's, or none.
TEST_F(CheckpointFilesTest, PredictSaysHowImagesAreNormalised) {
  write_npy(folder_ / "x.npy", std::span<const float>(std::vector<float>(2 * 8 * 8 * 3, 0.25f)), {2, 8, 8, 3});
  const SafetensorsFile file = read_safetensors(folder_ / "theorem/checkpoint.safetensors");
  std::map<std::string, SafetensorsEntry> tensors;
  for (const auto& [name, entry] : file.tensors)
    if (!name.starts_with("optimizer.") && !name.starts_with("ema.")) tensors.emplace(name, entry);
  write_safetensors(folder_ / "bare.safetensors", tensors, {});
  const std::string predict = "predict --model resnet8 --weights bare.safetensors --input x.npy --output z.npy ";
  expect_mistake(predict, "--mean and --std, or --no-normalize");
  expect_mistake(predict + "--mean 0.5 --std 0.25,0.25,0.25", "each of 3 channels, got 1");
  EXPECT_EQ(json(predict + "--mean 0.5,0.5,0.5 --std 0.25,0.25,0.25")["std"], Json({0.25, 0.25, 0.25}));
  EXPECT_TRUE(json(predict + "--no-normalize")["mean"].empty());
}

TEST_F(CheckpointFilesTest, RefusesWeightsThatAreNotFinite) {
  const SafetensorsFile file = read_safetensors(folder_ / "theorem/checkpoint.safetensors");
  for (const std::string name : {"layer1.0.conv1.weight", "layer1.0.bn1.running_var"}) {
    std::map<std::string, SafetensorsEntry> tensors = file.tensors;
    SafetensorsEntry& entry = tensors.at(name);
    std::vector<std::byte> bytes = elements_of(entry);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(bytes.data() + 4 * sizeof nan, &nan, sizeof nan);
    entry = {entry.dtype, entry.shape, bytes};
    write_safetensors(folder_ / "nan.safetensors", tensors, file.metadata);
    for (const std::string command :
         {"evaluate --weights nan.safetensors", "weights import nan.safetensors --model resnet8 --out x.safetensors",
          "train --data synthetic:train=8,test=4,size=8,classes=4,channels=3 --model resnet8 --epochs 1 --batch-size 4 "
          "--quiet "
          "--out "
          "x --init nan.safetensors"})
      expect_mistake(command, "nan.safetensors: tensor " + name + " holds infinite numbers or NaN");
  }
}

TEST_F(CheckpointFilesTest, RefusesMetadataThatNoTrainingWrites) {
  const SafetensorsFile file = read_safetensors(folder_ / "theorem/checkpoint.safetensors");
  for (const auto& [field, value] : std::vector<std::pair<std::string, Json>>{{"image_size", 2147483647},
                                                                              {"height", -1},
                                                                              {"width", 0},
                                                                              {"channels", 2},
                                                                              {"classes", -3},
                                                                              {"classes", 2000000000},
                                                                              {"classes", 1e300},
                                                                              {"classes", 2.5},
                                                                              {"width", 4294967304},
                                                                              {"seed", -1},
                                                                              {"std", {0.0}},
                                                                              {"mean", {0.1, 0.2}},
                                                                              {"train_tau", 0},
                                                                              {"head_scale", -1.0},
                                                                              {"dropout", 1.5},
                                                                              {"model", {1}},
                                                                              {"data", nullptr},
                                                                              {"std", "one"}}) {
    Json info = Json::parse(file.metadata.at("kelvin"));
    info[field] = value;
    std::map<std::string, std::string> metadata = file.metadata;
    metadata["kelvin"] = info.dump();
    write_safetensors(folder_ / "hostile.safetensors", file.tensors, metadata);
    expect_mistake("evaluate --weights hostile.safetensors", "hostile.safetensors: damaged metadata");
  }
}

TEST_F(CheckpointFilesTest, ATrainingThatCannotBeginLeavesNothing) {
  expect_mistake(
      "train --data synthetic:train=4,test=2,size=4,channels=1,classes=3 --model resnet8 --epochs 1 "
      "--batch-size 1 --quiet --out x",
      "larger batches");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

}  // namespace
}  // namespace kelvin
