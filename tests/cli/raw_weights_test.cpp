// Weights without metadata: how their images are normalised, which tensors fit, and the messages about the others.
#include <cmath>
#include <cstring>

#include "data/npy.h"
#include "engine/tensor_file.h"
#include "tests/cli/cli_fixture.h"
#include "tests/models/pytorch_cifar.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;

class RawWeightsTest : public testing::CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    // Dark images: their own mean and deviation are far from any published constants.
    std::vector<std::uint8_t> pixels, labels;
    for (int i = 0; i < kImages; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % 4));
      for (int p = 0; p < kPixels; ++p) pixels.push_back(static_cast<std::uint8_t>((p * (3 + i % 4) + i * 11) % 60));
    }
    std::filesystem::create_directories(folder_ / "dark");
    for (const char* half : {"train", "test"}) {
      write_npy(folder_ / str("dark/", half, "_images.npy"), std::span<const std::uint8_t>(pixels),
                {kImages, 16, 16, 3});
      write_npy(folder_ / str("dark/", half, "_labels.npy"), std::span<const std::uint8_t>(labels), {kImages});
    }
  }
  // A trained model, and its tensors alone with `prefix` before every name.
  void train(const std::string& model, const std::string& flags = "") {
    (void)json("train --data npy:dark --model " + model + " --epochs 1 --batch-size 8 --out " + model + " " + flags);
    write_raw(model, model + ".safetensors", "");
  }
  void write_raw(const std::string& run, const std::string& to, const std::string& prefix) const {
    const SafetensorsFile file = read_safetensors(folder_ / (run + "/checkpoint.safetensors"));
    std::map<std::string, SafetensorsEntry> tensors;
    for (const auto& [name, entry] : file.tensors)
      if (!name.starts_with("optimizer.")) tensors.emplace(prefix + name, entry);
    write_safetensors(folder_ / to, tensors, {});
  }
  // −log softmax(z)_y over the images, of the logits that predict gives with these flags.
  double nll_of(const std::string& flags) {
    (void)json("predict --input dark/test_images.npy --output z.npy " + flags);
    const std::vector<float> z = read_npy(folder_ / "z.npy").to_float();
    double nll = 0;
    for (int i = 0; i < kImages; ++i) {
      double sum = 0;
      for (int c = 0; c < 4; ++c) sum += std::exp(static_cast<double>(z[static_cast<std::size_t>(4 * i + c)]));
      nll += (std::log(sum) - z[static_cast<std::size_t>(4 * i + i % 4)]) / kImages;
    }
    return nll;
  }
  static constexpr int kImages = 16, kPixels = 16 * 16 * 3;
};

TEST_F(RawWeightsTest, ImagesAreNormalisedAsTheWeightsWere) {
  train("vit_tiny_patch4");
  const std::string weights = "--weights vit_tiny_patch4.safetensors --model vit_tiny_patch4 ";
  const double published = nll_of(weights), half = nll_of(weights + "--mean 0.5,0.5,0.5 --std 0.5,0.5,0.5");
  EXPECT_EQ(published, half);
  const Json e = json("evaluate --data npy:dark " + weights);
  EXPECT_NEAR(e["nll"].get<double>(), published, 1e-5);
  EXPECT_THAT(e["notes"][0].get<std::string>(),
              HasSubstr("normalised by mean 0.5, 0.5, 0.5 and std 0.5, 0.5, 0.5, as for timm's"));
  const std::string data = " --data npy:dark --limit 2 " + weights;
  for (const std::string command :
       {"attack --steps 1", "corrupt --corruptions brightness", "geometry", "gradients --taus 1"}) {
    EXPECT_THAT(json(command + data)["notes"][0].get<std::string>(), HasSubstr("as for timm's")) << command;
    EXPECT_EQ(json(command + data + " --no-normalize")["notes"], Json::array()) << command;
  }
  // A set without a training half is normalised no differently.
  std::filesystem::remove(folder_ / "dark/train_images.npy");
  std::filesystem::remove(folder_ / "dark/train_labels.npy");
  EXPECT_EQ(json("evaluate --data npy:dark " + weights)["nll"], e["nll"]);
}

TEST_F(RawWeightsTest, WithoutPublishedConstantsTheyAreAskedFor) {
  train("resnet8");
  const Json info = Json::parse(read_safetensors(folder_ / "resnet8/checkpoint.safetensors").metadata.at("kelvin"));
  const auto list = [&](const char* key) {
    std::string text;
    for (const double v : info.at(key).get<std::vector<double>>()) text += str(text.empty() ? "" : ",", v);
    return text;
  };
  const std::string weights = " --quiet --weights resnet8.safetensors --model resnet8 ", data = "--data npy:dark ";
  for (const char* command : {"evaluate", "attack", "audit", "corrupt", "geometry", "gradients"})
    expect_mistake(command + weights + data, "--mean and --std, or --no-normalize: resnet8.safetensors does not say");
  expect_mistake("weights import resnet8.safetensors --model resnet8 --out x.safetensors", "--mean and --std");
  expect_mistake("evaluate" + weights + data + "--mean 0.1,0.1,0.1 --std 0.1,0,0.1", "--std must be > 0");
  expect_mistake("evaluate resnet8 --no-normalize", "need --weights");
  // With the run's own constants it is the run.
  const Json own = json("evaluate resnet8"),
             raw = json("evaluate" + weights + data + "--mean " + list("mean") + " --std " + list("std"));
  EXPECT_NEAR(raw["nll"].get<double>(), own["nll"].get<double>(), 1e-5);
  EXPECT_EQ(raw["accuracy"], own["accuracy"]);
  EXPECT_NE(json("evaluate" + weights + data + "--no-normalize")["nll"], own["nll"]);
}

TEST_F(RawWeightsTest, WrappersAreTakenOff) {
  train("resnet8");
  const std::string train = "train --data npy:dark --model resnet8 --lr 0 --freeze-backbone --epochs 1 --batch-size 8 ";
  (void)json(train + "--init resnet8.safetensors --out plain");
  for (const std::string wrapper : {"module.", "_orig_mod.", "model.", "backbone.", "module._orig_mod.", "state_dict.",
                                    "model_state_dict.module.", "ema.", "net."}) {
    write_raw("resnet8", "wrapped.safetensors", wrapper);
    std::filesystem::remove_all(folder_ / "from");
    const Json trained = json(train + "--init wrapped.safetensors --allow-partial --out from");
    EXPECT_THAT(trained["notes"].dump(), HasSubstr("names begin with " + wrapper)) << wrapper;
    EXPECT_EQ(trained["init"]["missing"], Json::array());
    expect_same_tensors("plain", "from");
    const std::string raw = " --model resnet8 --no-normalize --weights ";
    EXPECT_EQ(json("evaluate --data npy:dark" + raw + "wrapped.safetensors")["nll"],
              json("evaluate --data npy:dark" + raw + "resnet8.safetensors")["nll"]);
  }
  const Outcome o = kelvin("weights import wrapped.safetensors --model resnet8 --no-normalize --out i.safetensors");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("note: names begin with net. in wrapped.safetensors, which is taken off"));
}

// A file as RobustBench has them: no metadata, the images' constants among the tensors, a second copy of the first stage.
TEST_F(RawWeightsTest, APublishedFileNeedsNoFlags) {
  train("wrn_10_1");
  const SafetensorsFile own = read_safetensors(folder_ / "wrn_10_1/checkpoint.safetensors");
  const Json info = Json::parse(own.metadata.at("kelvin"));
  std::map<std::string, SafetensorsEntry> tensors;
  for (const auto& [name, entry] : own.tensors) {
    if (name.starts_with("optimizer.")) continue;
    tensors["module." + name] = entry;
    if (name.starts_with("block1.")) tensors["module.sub_" + name] = entry;
  }
  const std::vector<std::byte> mean = bytes_of(info.at("mean"), "F32"), std = bytes_of(info.at("std"), "F32");
  tensors["module.mu"] = {.dtype = "F32", .shape = {1, 3, 1, 1}, .in_memory = mean};
  tensors["module.sigma"] = {.dtype = "F32", .shape = {1, 3, 1, 1}, .in_memory = std};
  write_safetensors(folder_ / "published.safetensors", tensors, {});
  const Json run = json("evaluate wrn_10_1"), e = json("evaluate --data npy:dark --weights published.safetensors");
  EXPECT_EQ(e["nll"], run["nll"]);
  for (const char* note :
       {"published.safetensors holds a wrn_10_1, by its names and shapes",
        "as module.mu and module.sigma of published.safetensors say",
        "10 tensors of sub_block1, a copy of block1 that computes nothing", "names begin with module."})
    EXPECT_THAT(e["notes"].dump(), HasSubstr(note));
  EXPECT_NE(json("evaluate --data npy:dark --weights published.safetensors --no-normalize")["nll"], run["nll"]);
  EXPECT_NEAR(nll_of("--weights published.safetensors"), run["nll"].get<double>(), 1e-5);
  (void)json("weights import published.safetensors --size 16 --out own.safetensors");
  EXPECT_EQ(json("evaluate --data npy:dark --weights own.safetensors")["nll"], run["nll"]);
  // What export writes has the constants in its metadata, and no tensors of which the published classes know nothing.
  EXPECT_EQ(kelvin("weights export wrn_10_1 --out exported.safetensors").code, 0);
  EXPECT_EQ(json("evaluate --data npy:dark --weights exported.safetensors")["nll"], run["nll"]);
  EXPECT_FALSE(read_safetensors(folder_ / "exported.safetensors").tensors.contains("mean"));
  const Json started = json(
      "train --data npy:dark --model wrn_10_1 --lr 0 --epochs 1 --batch-size 8 --out started "
      "--init published.safetensors");
  EXPECT_THAT(started["notes"].dump(), HasSubstr("images are normalised as module.mu and module.sigma of published"));
  tensors.erase("module.fc.bias");
  write_safetensors(folder_ / "published.safetensors", tensors, {});
  expect_mistake("evaluate --quiet --data npy:dark --weights published.safetensors",
                 "nearest is wrn_10_1: missing: fc.bias");
}

// A ResNet-18 of pytorch-cifar is torchvision's with other names, and ImageNet's constants are not its.
TEST_F(RawWeightsTest, PytorchCifarsNamesAreTakenForTorchvisions) {
  train("resnet18");
  const SafetensorsFile own = read_safetensors(folder_ / "resnet18.safetensors");
  std::map<std::string, SafetensorsEntry> tensors;
  for (const auto& [name, entry] : own.tensors) tensors.emplace("module." + testing::pytorch_cifars_name(name), entry);
  write_safetensors(folder_ / "cifar.safetensors", tensors, {});
  const std::string evaluate = "evaluate --data npy:dark --quiet --weights ";
  expect_mistake(evaluate + "cifar.safetensors", "--mean and --std, or --no-normalize: cifar.safetensors");
  const Json e = json(evaluate + "cifar.safetensors --no-normalize");
  EXPECT_EQ(e["nll"], json(evaluate + "resnet18.safetensors --no-normalize")["nll"]);
  for (const char* note : {"holds a resnet18", "shortcut and linear are taken for downsample and fc"})
    EXPECT_THAT(e["notes"].dump(), HasSubstr(note));
}

TEST_F(RawWeightsTest, WhatIsNotLoadedIsNamed) {
  train("resnet8");
  const SafetensorsFile file = read_safetensors(folder_ / "resnet8.safetensors");
  std::map<std::string, SafetensorsEntry> tensors = file.tensors;
  for (const char* name : {"bn1.bias", "bn1.weight", "conv1.weight", "layer1.0.bn1.bias", "layer1.0.bn1.weight"})
    tensors.erase(name);
  tensors["extra.weight"] = file.tensors.at("fc.bias");
  tensors["layer1.0.bn2.bias"].shape = {4, 4};
  write_safetensors(folder_ / "part.safetensors", tensors, {});
  const std::string
      train = "train --data npy:dark --model resnet8 --epochs 1 --batch-size 8 --quiet --out part ",
      says =
          "missing: conv1.weight, bn1.weight, bn1.bias, layer1.0.bn1.weight and 1 more; unexpected: extra.weight; "
          "layer1.0.bn2.bias has shape [4, 4], expected [16]";
  expect_mistake(train + "--init part.safetensors", says + " (--allow-partial loads what fits)");
  expect_mistake("evaluate --data npy:dark --model resnet8 --no-normalize --weights part.safetensors", says);
  expect_mistake(
      "predict --input dark/test_images.npy --output z.npy --model resnet8 --no-normalize --weights part.safetensors",
      says);
  const Json trained = json(train + "--init part.safetensors --allow-partial");
  EXPECT_EQ(trained["init"]["missing"].size(), 5U);
  EXPECT_EQ(trained["init"]["unexpected"], Json({"extra.weight"}));
  EXPECT_EQ(trained["init"]["misfits"], Json({"layer1.0.bn2.bias has shape [4, 4], expected [16]"}));
  EXPECT_THAT(trained["notes"].dump(), HasSubstr(says));
  const Outcome o =
      kelvin("weights import part.safetensors --model resnet8 --no-normalize --allow-partial --out i.safetensors");
  EXPECT_THAT(o.out, HasSubstr(says));

  // Nothing at all is no start.
  std::map<std::string, SafetensorsEntry> foreign;
  for (const auto& [name, entry] : file.tensors) foreign.emplace("wrapped_by_me." + name, entry);
  write_safetensors(folder_ / "foreign.safetensors", foreign, {});
  std::filesystem::remove_all(folder_ / "part");
  expect_mistake(train + "--init foreign.safetensors --allow-partial", "none of its");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "part"));
  expect_mistake(
      "weights import foreign.safetensors --model resnet8 --classes 4 --no-normalize --allow-partial --out "
      "i.safetensors",
      "none of its");
}

// What the mistake advises works, and gives what interpolated positions give.
TEST_F(RawWeightsTest, PositionsOfAnotherSizeAreImported) {
  train("vit_tiny_patch4", "--image-size 32");
  const std::string predict = "predict --quiet --input dark/test_images.npy --output z.npy --weights ",
                    model = " --model vit_tiny_patch4";
  const std::string says =
      "kelvin weights import vit_tiny_patch4.safetensors --model vit_tiny_patch4 --size 16 --out FILE";
  expect_mistake(predict + "vit_tiny_patch4.safetensors" + model, says);
  expect_mistake("evaluate --data npy:dark --weights vit_tiny_patch4.safetensors" + model, says);
  EXPECT_EQ(kelvin("weights import vit_tiny_patch4.safetensors --model vit_tiny_patch4 --size 16 --out FILE").code, 0);
  const double nll = nll_of("--weights FILE");
  EXPECT_NEAR(json("evaluate --data npy:dark --weights FILE")["nll"].get<double>(), nll, 1e-5);
  // A checkpoint of ours that was made for another size says so, too, and keeps what it says of itself.
  expect_mistake(predict + "vit_tiny_patch4/checkpoint.safetensors --image-size 16", "--size 16 --out FILE");
  EXPECT_EQ(
      kelvin("weights import vit_tiny_patch4/checkpoint.safetensors --model vit_tiny_patch4 --size 16 --out OWN").code,
      0);
  const Json info =
      Json::parse(read_safetensors(folder_ / "vit_tiny_patch4/checkpoint.safetensors").metadata.at("kelvin"));
  EXPECT_EQ(json(predict + "OWN")["mean"], info["mean"]);
}

// 16x16 and 8x32 pixels have as many patches of 4.
TEST_F(RawWeightsTest, PositionsOfAnotherGridAreNotCopied) {
  train("vit_tiny_patch4");
  std::vector<std::uint8_t> pixels(4 * 8 * 32 * 3, 40), labels = {0, 1, 2, 3};
  std::filesystem::create_directories(folder_ / "wide");
  for (const char* half : {"train", "test"}) {
    write_npy(folder_ / str("wide/", half, "_images.npy"), std::span<const std::uint8_t>(pixels), {4, 8, 32, 3});
    write_npy(folder_ / str("wide/", half, "_labels.npy"), std::span<const std::uint8_t>(labels), {4});
  }
  const std::string train = "train --data npy:wide --model vit_tiny_patch4 --epochs 1 --batch-size 4 --lr 0 --init ";
  for (const std::string from : {"vit_tiny_patch4.safetensors", "vit_tiny_patch4/checkpoint.safetensors"}) {
    std::filesystem::remove_all(folder_ / "wide-run");
    EXPECT_THAT(json(train + from + " --out wide-run")["notes"].dump(), HasSubstr("from 16 patches to 2x8, from 4x4"))
        << from;
    EXPECT_NE(floats_of(read_safetensors(folder_ / "wide-run/checkpoint.safetensors").tensors.at("pos_embed")),
              floats_of(read_safetensors(folder_ / from).tensors.at("pos_embed")));
  }
  // Back from a grid that only the metadata knows.
  std::filesystem::remove_all(folder_ / "back");
  EXPECT_THAT(json("train --data npy:dark --model vit_tiny_patch4 --epochs 1 --batch-size 8 --lr 0 --init "
                   "wide-run/checkpoint.safetensors --out back")["notes"]
                  .dump(),
              HasSubstr("from 16 patches to 4x4, from 2x8"));
  for (const std::string from :
       {"vit_tiny_patch4.safetensors --model vit_tiny_patch4", "vit_tiny_patch4/checkpoint.safetensors"})
    expect_mistake("predict --quiet --input wide/test_images.npy --output z.npy --weights " + from,
                   "kelvin weights import");
}

TEST_F(RawWeightsTest, ExportRefusesWhatAHalfCannotHold) {
  train("resnet8");
  const auto with = [&](float value) {
    const SafetensorsFile file = read_safetensors(folder_ / "resnet8/checkpoint.safetensors");
    std::map<std::string, SafetensorsEntry> tensors = file.tensors;
    SafetensorsEntry& variance = tensors.at("bn1.running_var");
    std::vector<std::byte> bytes = elements_of(variance);
    std::memcpy(bytes.data() + 2 * sizeof value, &value, sizeof value);
    variance = {.dtype = variance.dtype, .shape = variance.shape, .in_memory = bytes};
    write_safetensors(folder_ / "big.safetensors", tensors, file.metadata);
  };
  const std::string half = "weights export big.safetensors --out e.safetensors --dtype ";
  with(1e6f);
  expect_mistake(half + "float16",
                 "bn1.running_var holds 1e+06, which float16 cannot hold (at most 65504); use --dtype bfloat16");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "e.safetensors"));
  EXPECT_EQ(kelvin(half + "bfloat16").code, 0);
  with(3.4e38f);
  expect_mistake(half + "bfloat16", "bn1.running_var holds 3.4e+38");
  EXPECT_EQ(kelvin(half + "float32").code, 0);
  with(65519.0f);  // the largest that rounds to a number
  EXPECT_EQ(kelvin(half + "float16").code, 0);
  EXPECT_EQ(floats_of(read_safetensors(folder_ / "e.safetensors").tensors.at("bn1.running_var"))[2], 65504.0f);
  with(1e-9f);
  EXPECT_THAT(json(half + "float16")["notes"].dump(), HasSubstr("became 0 in bn1.running_var"));
}

}  // namespace
}  // namespace kelvin
