// Weights in and out: what fits is loaded, whatever does not is named, element types survive, positions follow timm.
#include "models/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <list>

#include "engine/tensor_file.h"
#include "models/positions.h"
#include "models/wrappers.h"
#include "tests/models/golden_model.h"
#include "tests/models/pytorch_cifar.h"

namespace kelvin::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::unique_ptr<Model> make(const std::string& name, int classes = 10, int size = 32, std::uint64_t seed = 0) {
  return make_model({.name = name, .classes = classes, .height = size, .width = size, .mean = {}, .std = {}}, {}, seed);
}

class Weights : public ::testing::Test {
 protected:
  Weights() : path_(std::filesystem::temp_directory_path() / str("kelvin-weights-", getpid(), ".safetensors")) {}
  ~Weights() override { std::filesystem::remove(path_); }
  [[nodiscard]] SafetensorsFile exported(const Model& model, const std::string& dtype = "F32") const {
    export_weights(path_, model, dtype);
    return read_safetensors(path_);
  }
  static std::string message_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::mistake);
      return e.message().with("--");
    }
    return "nothing thrown";
  }
  std::filesystem::path path_;
};

TEST_F(Weights, ComeBackAsTheyWere) {
  for (const char* name : {"resnet8", "resnet18", "vit_tiny_patch4"}) {
    const auto from = make(name), to = make(name, 10, 32, /*seed=*/1);
    const WeightsReport report = import_weights(exported(*from), *to, {});
    EXPECT_TRUE(report.notes.empty());
    for (const Parameter& p : from->parameters())
      ASSERT_EQ(p.value.to_host<float>(), to->parameters().find(p.spec.name)->value.to_host<float>()) << p.spec.name;
  }
}

// kuangliu's pytorch-cifar, whose files many papers on adversarial training share.
TEST_F(Weights, UnderPytorchCifarsNamesAreTheSame) {
  const auto from = make("resnet18"), to = make("resnet18", 10, 32, /*seed=*/1);
  const SafetensorsFile torchvisions = exported(*from);
  SafetensorsFile theirs = torchvisions;
  theirs.tensors.clear();
  for (const auto& [name, entry] : torchvisions.tensors)
    theirs.tensors.emplace("module." + pytorch_cifars_name(name), entry);
  const WeightsReport report = import_weights(theirs, *to, {.is_exact = true});
  EXPECT_THAT(report.notes, Contains(HasSubstr("pytorch-cifar's names")));
  for (const Parameter& p : from->parameters())
    ASSERT_EQ(p.value.to_host<float>(), to->parameters().find(p.spec.name)->value.to_host<float>()) << p.spec.name;
}

TEST_F(Weights, FiltersLieInPyTorchsOrder) {
  const auto model = make("resnet18");
  const SafetensorsFile file = exported(*model);
  EXPECT_EQ(file.tensors.at("layer2.0.conv1.weight").shape, (std::vector<std::int64_t>{128, 64, 3, 3}));
  EXPECT_EQ(file.tensors.at("bn1.num_batches_tracked").dtype, "I64");
  const std::vector<float> ours =
      model->parameters().find("conv1.weight")->value.to_host<float>();          // [64, 3, 3, 3] KRSC
  const std::vector<float> theirs = floats_of(file.tensors.at("conv1.weight"));  // KCRS
  EXPECT_EQ(theirs[(5 * 3 + 2) * 9 + 7], ours[(5 * 9 + 7) * 3 + 2]);
}

TEST_F(Weights, HalfPrecisionRoundsOnce) {
  const auto from = make("resnet8"), to = make("resnet8", 10, 32, 1);
  // Half the distance between neighbours, relative: 11 and 8 significant bits.
  for (const auto& [dtype, rounding] :
       {std::pair("F16", std::ldexp(1.0, -11)), std::pair("BF16", std::ldexp(1.0, -8))}) {
    (void)import_weights(exported(*from, dtype), *to, {});
    const std::vector<float> a = from->prototypes().value.to_host<float>(), b = to->prototypes().value.to_host<float>();
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(b[i], a[i], rounding * std::abs(a[i]) + std::ldexp(1.0, -25)) << dtype;
  }
}

TEST_F(Weights, HalfPrecisionEdges) {
  const std::vector<float> values = {0.0f,     -0.0f,    1.0f,    65504.0f,     65519.0f,      65520.0f,
                                     -70000.f, 5.96e-8f, 2.9e-8f, 6.097555e-5f, 6.1035156e-5f, 1.00048828125f};
  SafetensorsEntry entry{"F16", {12}, {}};
  const std::vector<std::byte> bytes = bytes_of(values, "F16");
  entry.in_memory = bytes;
  const std::vector<float> back = floats_of(entry);
  EXPECT_EQ(back[0], 0.0f);
  EXPECT_EQ(back[1], 0.0f);
  EXPECT_TRUE(std::signbit(back[1]));
  EXPECT_EQ(back[2], 1.0f);
  EXPECT_EQ(back[3], 65504.0f);
  EXPECT_EQ(back[4], 65504.0f);  // rounds down
  EXPECT_EQ(back[5], INFINITY);  // the tie above the largest number
  EXPECT_EQ(back[6], -INFINITY);
  EXPECT_EQ(back[7], std::ldexp(1.0f, -24));     // the smallest subnormal
  EXPECT_EQ(back[8], 0.0f);                      // below half of it
  EXPECT_EQ(back[9], std::ldexp(1023.0f, -24));  // the largest subnormal
  EXPECT_EQ(back[10], std::ldexp(1.0f, -14));    // the smallest normal number
  EXPECT_EQ(back[11], 1.0f);                     // a tie: to even
}

TEST_F(Weights, AnotherClassCountKeepsTheModelsLastLayer) {
  const auto from = make("resnet8", 100), to = make("resnet8", 10), fresh = make("resnet8", 10);
  const WeightsReport report = import_weights(exported(*from), *to, {});
  EXPECT_THAT(report.notes, Contains(HasSubstr("the file has 100 classes, the model 10")));
  EXPECT_EQ(to->prototypes().value.to_host<float>(), fresh->prototypes().value.to_host<float>());
}

TEST_F(Weights, EveryProblemIsNamed) {
  const auto resnet = make("resnet8"), vit = make("vit_tiny_patch4");
  SafetensorsFile file = exported(*resnet);
  file.tensors.erase("conv1.weight");
  file.tensors["extra"] = file.tensors["fc.bias"];
  file.tensors["bn1.bias"].shape = {4, 4};
  const std::string message = message_of([&] { (void)import_weights(file, *resnet, {}); });
  for (const char* part :
       {"missing: conv1.weight", "unexpected: extra", "bn1.bias has shape [4, 4], expected [16]", "--allow-partial"})
    EXPECT_THAT(message, HasSubstr(part));
  const WeightsReport report = import_weights(file, *resnet, {.allow_partial = true});
  EXPECT_EQ(report.missing, std::vector<std::string>{"conv1.weight"});
  EXPECT_THAT(message_of([&] { (void)import_weights(file, *vit, {}); }), HasSubstr("missing: cls_token"));
}

TEST_F(Weights, PositionsFollowTheImageSize) {
  const std::vector<float> positions = formula("positions", (1 + 14 * 14) * 3, 1, 0);
  for (const auto& [rows, cols] : {std::pair(7, 7), std::pair(24, 24), std::pair(10, 13)}) {
    const std::vector<float> expected = read_golden("position_embeddings", str(rows, "x", cols));
    EXPECT_LT(relative(resample_positions(positions, 3, {14, 14}, {rows, cols}), expected), 1e-6)
        << rows << "x" << cols;
  }
  const auto from = make("vit_tiny_patch4", 10, 32), to = make("vit_tiny_patch4", 10, 28);
  const WeightsReport report = import_weights(exported(*from), *to, {});
  EXPECT_THAT(report.notes, Contains(HasSubstr("interpolated from 64 patches to 7x7")));
}

// Equal counts, another shape: what the metadata knows is resampled, and a foreign file is taken for a square.
TEST_F(Weights, PositionsOfAnotherGridAreResampled) {
  const auto with = [](int height, int width, std::uint64_t seed) {
    return make_model(
        {.name = "vit_tiny_patch4", .classes = 10, .height = height, .width = width, .mean = {}, .std = {}}, {}, seed);
  };
  const auto square = with(16, 16, 0), wide = with(8, 32, 1), tall = with(32, 8, 2);
  const auto positions = [](const Model& m) { return m.parameters().find("pos_embed")->value.to_host<float>(); };
  const std::vector<float> own = positions(*square);
  (void)import_weights(exported(*square), *wide, {});
  EXPECT_EQ(positions(*wide), resample_positions(own, 192, {4, 4}, {2, 8}));
  EXPECT_NE(positions(*wide), own);
  const std::vector<float> from_wide = positions(*wide);
  const WeightsReport report = import_weights(exported(*wide), *tall, {.height = 8, .width = 32});
  EXPECT_EQ(positions(*tall), resample_positions(from_wide, 192, {2, 8}, {8, 2}));
  EXPECT_THAT(report.notes, Contains(HasSubstr("from 16 patches to 8x2, from 2x8")));
  EXPECT_THAT(
      message_of([&] { (void)import_weights(exported(*wide), *tall, {.is_exact = true, .height = 8, .width = 32}); }),
      HasSubstr("pos_embed is of 2x8 patches, images of 32x8 have 8x2"));
  // Eight patches form no square: the model's own grid is the only guess, and it is said.
  const auto flat = with(8, 16, 0), again = with(8, 16, 1);
  EXPECT_THAT(import_weights(exported(*flat), *again, {}).notes, Contains(HasSubstr("8 patches are taken as 2x4")));
  EXPECT_EQ(positions(*again), positions(*flat));
  EXPECT_THAT(message_of([&] { (void)import_weights(exported(*flat), *square, {}); }), HasSubstr("form no grid"));
}

TEST(PatchGrids, FollowTheImage) {
  EXPECT_EQ(patch_grid(16, 32, 32), (PatchGrid{4, 4}));
  EXPECT_EQ(patch_grid(16, 8, 32), (PatchGrid{2, 8}));
  EXPECT_EQ(patch_grid(56, 28, 32), (PatchGrid{7, 8}));
  EXPECT_EQ(patch_grid(15, 32, 32).rows, 0);
  EXPECT_EQ(patch_grid(0, 32, 32).rows, 0);
}

TEST(Wrappers, StandBeforeNames) {
  EXPECT_EQ(wrapper_of("module._orig_mod.conv1.weight"), "module._orig_mod.");
  EXPECT_EQ(wrapper_of("state_dict.model.backbone.layer1.0.conv1.weight"), "state_dict.model.backbone.");
  EXPECT_EQ(wrapper_of("net.module.basic_net.conv1.weight"), "net.module.basic_net.");
  EXPECT_EQ(wrapper_of("state_dict.1.module.conv1.weight"), "state_dict.1.module.");
  EXPECT_EQ(wrapper_of("layer1.1.conv1.weight"), "");
  EXPECT_EQ(wrapper_of("conv1.weight"), "");
  EXPECT_EQ(wrapper_of("module"), "");
  EXPECT_EQ(wrapper_of(""), "");
}

class WrappedWeights : public Weights {
 protected:
  // Every tensor of `model`, with `prefix` before its name.
  void add(SafetensorsFile& to, const Model& model, const std::string& prefix) {
    files_.push_back(exported(model));
    for (const auto& [name, entry] : files_.back().tensors) to.tensors[prefix + name] = entry;
  }
  std::list<SafetensorsFile> files_;
};

// As timm's training writes: weights, their average and the optimizer's state, each under a key of its own.
TEST_F(WrappedWeights, WeightsComeBeforeTheirAverage) {
  const auto weights = make("resnet8", 10, 32, 1), average = make("resnet8", 10, 32, 2),
             to = make("resnet8", 10, 32, 3);
  SafetensorsFile file;
  add(file, *weights, "state_dict.module.");
  add(file, *average, "state_dict_ema.module.");
  file.tensors["optimizer.state.0.exp_avg"] = file.tensors.at("state_dict.module.fc.bias");
  file.tensors["n_averaged"] = file.tensors.at("state_dict.module.bn1.num_batches_tracked");
  const WeightsReport report = import_weights(file, *to, {});
  EXPECT_TRUE(report.is_complete()) << report.problems();
  EXPECT_THAT(report.notes, Contains(HasSubstr("names begin with state_dict.module.")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("tensors of other copies of the model are passed over")));
  EXPECT_EQ(to->prototypes().value.to_host<float>(), weights->prototypes().value.to_host<float>());
  // A part of a model that the program compiled by itself.
  SafetensorsFile inner;
  add(inner, *average, "");
  inner.tensors["layer1._orig_mod.0.conv1.weight"] = inner.tensors.at("layer1.0.conv1.weight");
  inner.tensors.erase("layer1.0.conv1.weight");
  EXPECT_TRUE(import_weights(inner, *to, {}).is_complete());
}

// In PyTorch's files dictionaries have names: what is not in the model's is no part of it.
TEST_F(WrappedWeights, WhatIsBesideTheDictionaryOfTheModelIsPassedOver) {
  const auto from = make("resnet8", 10, 32, 1), to = make("resnet8", 10, 32, 3);
  SafetensorsFile file;
  add(file, *from, "net.module.");
  for (const char* name : {"best_acc1", "rng.0", "criterion.weight"})
    file.tensors[name] = file.tensors.at("net.module.fc.bias");
  EXPECT_THAT(message_of([&] { (void)import_weights(file, *to, {}); }), HasSubstr("unexpected: best_acc1"));
  file.sections = {"net.", "rng.", "criterion."};
  EXPECT_THAT(import_weights(file, *to, {}).notes, Contains(HasSubstr("what stands beside net is passed over")));
  EXPECT_EQ(to->prototypes().value.to_host<float>(), from->prototypes().value.to_host<float>());
  file.tensors["net.module.neck.weight"] = file.tensors.at("net.module.fc.bias");
  EXPECT_THAT(message_of([&] { (void)import_weights(file, *to, {}); }),
              HasSubstr("unexpected: net.module.neck.weight"));
}

TEST_F(WrappedWeights, ALastLayerMayStandBesideItsBackbone) {
  const auto from = make("resnet8", 10, 32, 1), to = make("resnet8", 10, 32, 3);
  SafetensorsFile file;
  add(file, *from, "model.backbone.");
  for (const char* name : {"fc.weight", "fc.bias"}) {
    file.tensors[str("model.", name)] = file.tensors.at(str("model.backbone.", name));
    file.tensors.erase(str("model.backbone.", name));
  }
  EXPECT_EQ(head_classes(file), 10);
  EXPECT_TRUE(import_weights(file, *to, {}).is_complete());
  EXPECT_EQ(to->prototypes().value.to_host<float>(), from->prototypes().value.to_host<float>());
  file.tensors["model.neck.weight"] = file.tensors.at("model.fc.bias");
  EXPECT_THAT(message_of([&] { (void)import_weights(file, *to, {}); }), HasSubstr("unexpected: model.neck.weight"));
}

}  // namespace
}  // namespace kelvin::testing
