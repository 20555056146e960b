// A weight file tells its model by names and shapes, and its images' normalisation by tensors of its own.
#include "models/recognition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <list>

#include "engine/tensor_file.h"
#include "models/normalisation.h"
#include "models/weights.h"
#include "models/wrappers.h"
#include "tests/models/pytorch_cifar.h"

namespace kelvin::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

// Tensors of a model by name and shape, without elements.
SafetensorsFile shapes_of(const ModelSpec& spec, const std::string& prefix = "") {
  SafetensorsFile file{.path = "w.safetensors", .tensors = {}, .metadata = {}, .storage = {}};
  const auto model = declare_model(spec);
  const auto add = [&](const Parameter& p) {
    const Shape shape = file_shape(p.spec.shape);
    file.tensors[prefix + p.spec.name] = {.dtype = "F32", .shape = {shape.begin(), shape.end()}};
  };
  for (const Parameter& p : model->parameters()) add(p);
  for (const Parameter& p : model->parameters().buffers()) {
    add(p);
    if (p.spec.name.ends_with("running_mean"))
      file.tensors[prefix + p.spec.name.substr(0, p.spec.name.rfind('.')) + ".num_batches_tracked"] = {.dtype = "I64",
                                                                                                       .shape = {}};
  }
  return file;
}

ModelSpec spec_of(const std::string& name, int classes = 10, int channels = 3, int side = 112) {
  return {.name = name, .classes = classes, .channels = channels, .height = side, .width = side, .mean = {}, .std = {}};
}

TEST(Recognition, FindsEveryModel) {
  std::vector<std::string> names = model_names();
  names.insert(names.end(), {"wrn_10_1", "dm_wrn_16_3", "dm_wrn_106_16", "wrn_40_2"});
  for (const std::string& name : names)
    for (const auto& [classes, channels, side, prefix] :
         {std::tuple(10, 3, 112, ""), std::tuple(100, 1, 224, "module."), std::tuple(7, 3, 112, "state_dict.model.")}) {
      SCOPED_TRACE(str(name, " ", classes));
      const ModelSpec spec = recognise_model(shapes_of(spec_of(name, classes, channels, side), prefix));
      EXPECT_EQ(spec.name, name);
      EXPECT_EQ(spec.classes, classes);
      EXPECT_TRUE(spec.channels == channels || name == "mlp");  // whose pixels and channels are one number
    }
}

TEST(Recognition, TellsTheStems) {
  ModelSpec spec = spec_of("resnet18");
  for (const char* stem : {"cifar", "imagenet"}) {
    spec.stem = stem;
    EXPECT_EQ(recognise_model(shapes_of(spec)).stem, stem);
  }
  EXPECT_EQ(recognise_model(shapes_of(spec_of("resnet20"))).stem, "auto");
}

TEST(Recognition, KnowsPytorchCifarsNames) {
  for (const char* name : {"resnet18", "resnet34", "resnet50"}) {
    ModelSpec spec = spec_of(name, 100);
    spec.stem = "cifar";
    const SafetensorsFile torchvisions = shapes_of(spec);
    SafetensorsFile theirs = torchvisions;
    theirs.tensors.clear();
    for (const auto& [tensor, entry] : torchvisions.tensors)
      theirs.tensors.emplace("module." + pytorch_cifars_name(tensor), entry);
    const ModelSpec found = recognise_model(theirs);
    EXPECT_EQ(found.name, name);
    EXPECT_EQ(found.classes, 100);
    EXPECT_EQ(found.stem, "cifar");
    EXPECT_TRUE(has_cifar_names(theirs));
    EXPECT_FALSE(has_cifar_names(torchvisions));
    theirs.tensors.erase("module.layer2.0.shortcut.0.weight");
    EXPECT_THAT([&] { (void)recognise_model(theirs); },
                ThrowsMessage<Error>(HasSubstr(str("nearest is ", name, ": missing: layer2.0.downsample.0.weight"))));
  }
}

TEST(Recognition, SaysWhatIsDifferent) {
  SafetensorsFile file = shapes_of(spec_of("wrn_16_2"));
  file.tensors.erase("fc.bias");
  EXPECT_THAT([&] { (void)recognise_model(file); },
              ThrowsMessage<Error>(HasSubstr("nearest is wrn_16_2: missing: fc.bias")));
  file.tensors["block1.layer.0.extra"] = {.dtype = "F32", .shape = {1}};
  EXPECT_THAT([&] { (void)recognise_model(file); },
              ThrowsMessage<Error>(HasSubstr("unexpected: block1.layer.0.extra")));
  // Without the last norm it is another network, whose shortcuts read another tensor.
  file = shapes_of(spec_of("preactresnet18"));
  for (const char* name : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}) file.tensors.erase(name);
  EXPECT_EQ(recognise_model(file).name, "fast_preactresnet18");
  // A file of names that are nobody's, one of blocks without end, and an empty one.
  for (const char* name : {"a.weight", "block1.layer.0.conv1.weight", "layer.0.block.0.conv_0.weight"}) {
    SafetensorsFile strange{.path = "s", .tensors = {}, .metadata = {}, .storage = {}};
    EXPECT_THAT([&] { (void)recognise_model(strange); }, ThrowsMessage<Error>(HasSubstr("no model that is known")));
    strange.tensors[name] = {.dtype = "F32", .shape = {1LL << 60}};
    EXPECT_THAT([&] { (void)recognise_model(strange); }, ThrowsMessage<Error>(HasSubstr("no model that is known")));
  }
}

class HeldConstants : public ::testing::Test {
 protected:
  void add(const std::string& name, std::vector<std::int64_t> shape, const std::vector<float>& values) {
    storage_.push_back(bytes_of(values, "F32"));
    file_.tensors[name] = {.dtype = "F32", .shape = std::move(shape), .in_memory = storage_.back()};
  }
  std::list<std::vector<std::byte>> storage_;
  SafetensorsFile file_{.path = "w.safetensors", .tensors = {}, .metadata = {}, .storage = {}};
};

TEST_F(HeldConstants, AreFoundUnderTheirNames) {
  for (const auto& [mean, std] :
       {std::pair("mu", "sigma"), std::pair("module.mean", "module.std"), std::pair("normalize.mean", "normalize.std"),
        std::pair("0.mean", "0.std"), std::pair("module.normalizer.new_mean", "module.normalizer.new_std")}) {
    file_.tensors.clear();
    EXPECT_FALSE(normalisation_in(file_, 3));
    add(mean, {1, 3, 1, 1}, {0.25f, 0.5f, 0.75f});
    EXPECT_FALSE(normalisation_in(file_, 3)) << "without the other half";
    add(std, {3, 1, 1}, {0.1f, 0.2f, 0.3f});
    const auto held = normalisation_in(file_, 3);
    ASSERT_TRUE(held) << mean;
    EXPECT_EQ(held->mean_name, mean);
    EXPECT_EQ(held->std_name, std);
    EXPECT_EQ(held->values.mean, (std::vector{0.25f, 0.5f, 0.75f}));
    EXPECT_EQ(held->values.std, (std::vector{0.1f, 0.2f, 0.3f}));
  }
  add("bn1.mean", {3}, {1, 1, 1});
  add("bn1.std", {3}, {1, 1, 1});
  file_.tensors.erase("module.normalizer.new_mean");
  EXPECT_FALSE(normalisation_in(file_, 3)) << "of a layer inside";
}

TEST_F(HeldConstants, NormaliseImages) {
  add("mean", {}, {0.5f});
  add("std", {1}, {0.25f});
  EXPECT_EQ(normalisation_in(file_, 3)->values.std, (std::vector{0.25f, 0.25f, 0.25f}));
  const auto read = [&] { (void)normalisation_in(file_, 3); };
  add("std", {1}, {0});
  EXPECT_THAT(read, ThrowsMessage<Error>(HasSubstr("mean and std hold 0.5 and 0, which normalise no image")));
  add("std", {2}, {0.5f, 0.5f});
  EXPECT_THAT(read, ThrowsMessage<Error>(HasSubstr("std has 2 values of type F32")));
}

// What RobustBench's files of TRADES and its successors have beside the network.
TEST_F(HeldConstants, StandBesideTheWeights) {
  const ModelSpec spec{.name = "wrn_10_1", .mean = {}, .std = {}};
  const auto from = make_model(spec, {}, 1), to = make_model(spec, {}, 2);
  const auto put = [&](const Parameter& p, const std::string& name) {
    const Shape shape = file_shape(p.value.shape());
    add("module." + name, {shape.begin(), shape.end()}, to_file_order(p.value));
  };
  const auto put_all = [&](const Parameter& p) {
    put(p, p.spec.name);
    if (p.spec.name.starts_with("block1.")) put(p, "sub_" + p.spec.name);
  };
  for (const Parameter& p : from->parameters()) put_all(p);
  for (const Parameter& p : from->parameters().buffers()) put_all(p);
  add("module.mu", {1, 3, 1, 1}, {0.5f, 0.5f, 0.5f});
  add("module.sigma", {1, 3, 1, 1}, {0.25f, 0.25f, 0.25f});
  EXPECT_EQ(recognise_model(file_).name, "wrn_10_1");
  const WeightsReport report = import_weights(file_, *to, {.is_exact = true});
  EXPECT_TRUE(report.is_complete()) << report.problems();
  EXPECT_THAT(report.notes, Contains(HasSubstr("10 tensors of sub_block1, a copy of block1 that computes nothing")));
  EXPECT_EQ(to->parameters().find("block1.layer.0.conv1.weight")->value.to_host<float>(),
            from->parameters().find("block1.layer.0.conv1.weight")->value.to_host<float>());
  // Half of a pair is no normalisation, and a copy of no block of ours is no copy.
  file_.tensors.erase("module.sigma");
  file_.tensors["module.sub_block1.layer.9.conv1.weight"] = file_.tensors.at("module.mu");
  const auto load = [&] { (void)import_weights(file_, *to, {.is_exact = true}); };
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("unexpected: module.mu, module.sub_block1.layer.9.conv1.weight")));
}

}  // namespace
}  // namespace kelvin::testing
