// Fine-tuning end to end on small synthetic sets: accumulation, frozen and slower layers, averaged weights, resuming, normalisation.
#include <gmock/gmock.h>

#include <cmath>

#include "apps/evaluation/evaluate.h"
#include "apps/training/train.h"
#include "engine/checkpoint.h"
#include "engine/tensor_file.h"
#include "engine/weight_average.h"
#include "models/weights.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

Dataset toy(int channels = 3, int train = 96) {
  return load_dataset(str("synthetic:train=", train, ",test=40,size=8,classes=5,channels=", channels), {.seed = 1});
}

TrainOptions options_for(const std::string& model) {
  TrainOptions o;
  o.model = model;
  o.epochs = 2;
  o.batch_size = 16;
  o.tau = {.start = 2, .end = 2};
  o.lr = {.kind = LearningRateSchedule::Kind::cosine, .base = 0.05};
  o.optimizer.weight_decay = 5e-4f;
  o.log_every = 2;
  return o;
}

TrainReport run(const TrainOptions& o, const Dataset& data, const std::filesystem::path& folder) {
  const RunFolder f{folder};
  f.create();
  return train(o, data, f, {}, {});
}

std::vector<float> values_of(const SafetensorsFile& file, const std::string& name) {
  return floats_of(file.tensors.at(name));
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(sum);
}

// Batches of 16, three a step, against batches of 48: the same gradients, learning rates and τ, so the same weights but for the order of
// float32 sums. 104 images leave a last step of one whole and one half batch, which weighs by images, not by batches.
TEST(Accumulation, IsABatchOfTheSumOfTheSizes) {
  TemporaryFolder folder;
  const Dataset data = toy(3, 104);
  TrainOptions o = options_for("mlp");
  o.tau = {.kind = TemperatureSchedule::Kind::linear, .start = 4, .end = 1};
  o.fine_tuning.accumulate = 3;
  o.fine_tuning.clip_gradient_norm = 0.05f;
  run(o, data, folder / "accumulated");
  o.fine_tuning.accumulate = 1;
  run(o, data, folder / "sixteen");
  o.batch_size = 48;
  run(o, data, folder / "whole");
  const SafetensorsFile a = open_checkpoint({folder / "accumulated"}), b = open_checkpoint({folder / "whole"}),
                        other = open_checkpoint({folder / "sixteen"});
  for (const char* name : {"fc1.weight", "fc2.weight", "fc.weight", "fc.bias"}) {
    const std::vector<float> expected = values_of(b, name);
    const double size = distance(expected, std::vector<float>(expected.size()));
    EXPECT_LT(distance(values_of(a, name), expected), 1e-5 * size) << name;
    EXPECT_GT(distance(values_of(other, name), expected), 1e-4 * size) << name << ": the test would see no difference";
  }
}

TEST(Frozen, OnlyThePrototypesMoveAndNothingDecays) {
  TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = options_for("resnet8");
  o.optimizer.weight_decay = 0.1f;
  run(o, data, folder / "start");
  o.init = (folder / "start") / "checkpoint.safetensors";
  o.fine_tuning.freeze_backbone = true;
  for (const auto kind : {OptimizerOptions::Kind::sgd, OptimizerOptions::Kind::adamw}) {
    o.optimizer.kind = kind;
    const std::filesystem::path out = folder / str("frozen", static_cast<int>(kind));
    run(o, data, out);
    const SafetensorsFile before = open_checkpoint({folder / "start"}), after = open_checkpoint({out});
    for (const auto& [name, entry] : before.tensors) {
      if (name.starts_with("optimizer.")) continue;
      const bool is_head = name.starts_with("fc.");
      EXPECT_EQ(values_of(before, name) != values_of(after, name), is_head) << name;
    }
  }
}

// At a learning rate of 0 the weights stay as they start: half as large, of a model's own head and of one from a file; nothing else changes.
TEST(HeadInitScale, MultipliesTheHeadOnce) {
  TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = options_for("mlp");
  o.lr.base = 0;
  o.epochs = 1;
  run(o, data, folder / "plain");
  o.choice.head_init_scale = 0.5f;
  run(o, data, folder / "scaled");
  o.init = (folder / "plain") / "checkpoint.safetensors";
  run(o, data, folder / "from-file");
  o.resume = true;
  o.epochs = 2;
  run(o, data, folder / "from-file");
  const SafetensorsFile plain = open_checkpoint({folder / "plain"});
  for (const char* name : {"fc1.weight", "fc2.weight", "fc.weight", "fc.bias"}) {
    std::vector<float> expected = values_of(plain, name);
    if (std::string(name).starts_with("fc."))
      for (float& w : expected) w *= 0.5f;
    EXPECT_EQ(values_of(open_checkpoint({folder / "scaled"}), name), expected) << name;
    EXPECT_EQ(values_of(open_checkpoint({folder / "from-file"}), name), expected) << name;
  }
}

TEST(LayerDecay, LayersNearTheImagesMoveLess) {
  TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = options_for("resnet8");
  o.optimizer.momentum = 0;
  o.optimizer.weight_decay = 0;
  o.epochs = 1;
  o.batch_size = 96;  // one step: what a layer moves is its rate times its gradient
  const std::map<std::string, double> scales = {
      {"conv1.weight", 1.0 / 16}, {"layer1.0.conv1.weight", 1.0 / 8}, {"layer3.0.conv2.weight", 0.5}, {"fc.weight", 3}};
  o.fine_tuning = {.head_lr_scale = 3, .layer_decay = 0.5f};
  run(o, data, folder / "decayed");
  o.fine_tuning = {};
  run(o, data, folder / "plain");
  const std::unique_ptr<Model> start = make_model(run_info_from(open_checkpoint({folder / "plain"})).model, {}, o.seed);
  save_checkpoint(folder / "start.safetensors", start->parameters(), {}, {});
  const SafetensorsFile at_start = read_safetensors(folder / "start.safetensors"),
                        decayed = open_checkpoint({folder / "decayed"}), plain = open_checkpoint({folder / "plain"});
  for (const auto& [name, scale] : scales) {
    const std::vector<float> w0 = values_of(at_start, name);
    const double moved = distance(values_of(decayed, name), w0), whole = distance(values_of(plain, name), w0);
    ASSERT_GT(whole, 0) << name;
    EXPECT_NEAR(moved / whole, scale, 1e-3 * scale)
        << name;  // differences of float32 weights a thousand times as large
  }
}

// Everything at once, killed in the middle of an epoch: every tensor of the checkpoint, average and optimizer state included, ends with the
// bytes of a run that was never disturbed.
TEST(FineTuning, ResumeAfterKillEqualsUninterrupted) {
  TemporaryFolder folder;
  const Dataset data = toy(3, 48);
  for (const std::string model : {"vit_tiny_patch4", "resnet8"}) {
    TrainOptions o = options_for(model);
    o.augment = Augment::standard;
    o.optimizer.kind = OptimizerOptions::Kind::adamw;
    o.lr.base = 1e-3;
    o.fine_tuning = {.clip_gradient_norm = 0.5f,
                     .label_smoothing = 0.1f,
                     .ema_decay = 0.9,
                     .accumulate = 2,
                     .head_lr_scale = 2,
                     .layer_decay = 0.9f};
    o.choice.head_init = "normal";
    if (model == "vit_tiny_patch4")
      o.choice = {.head_init = "normal", .dropout = 0.1f, .drop_path = 0.2f, .checkpoint_activations = true};
    const TrainReport whole_report = run(o, data, folder / (model + "-whole"));
    struct Killed {};
    const RunFolder part{folder / (model + "-part")};
    part.create();
    EXPECT_THROW((void)train(o, data, part, {},
                             [](std::int64_t done, std::int64_t total, const std::string&) {
                               if (done * 4 >= total * 3) throw Killed{};
                             }),
                 Killed);
    o.resume = true;
    const TrainReport resumed = train(o, data, part, {}, {});
    EXPECT_EQ(resumed.accuracy, whole_report.accuracy);
    EXPECT_EQ(resumed.ema_accuracy, whole_report.ema_accuracy);
    ASSERT_TRUE(resumed.ema_accuracy.has_value());
    const SafetensorsFile whole = open_checkpoint({folder / (model + "-whole")}), again = open_checkpoint(part);
    ASSERT_EQ(whole.tensors.size(), again.tensors.size());
    EXPECT_TRUE(has_average(whole));
    for (const auto& [name, t] : whole.tensors) {
      EXPECT_EQ(elements_of(t), elements_of(again.tensors.at(name))) << model << " " << name;
    }
  }
}

TEST(AveragedWeights, AreSavedAndEvaluated) {
  TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = options_for("resnet8");
  o.fine_tuning.ema_decay = 0.5;
  const TrainReport report = run(o, data, folder / "run");
  SafetensorsFile file = open_checkpoint({folder / "run"});
  const RunInfo info = run_info_from(file);
  EXPECT_NE(values_of(file, "ema.bn1.running_mean"), values_of(file, "bn1.running_mean"));
  const TrainedModel last = build_trained_model(file, info, {});
  EXPECT_EQ(accuracy_of(*last.model, data.test, 40), report.accuracy);
  // A checkpoint with an average starts another run: what is not weights is passed over.
  EXPECT_TRUE(import_weights(file, *last.model, {}).is_complete());
  const TrainedModel averaged = build_trained_model(average_of(std::move(file)), info, {});
  EXPECT_EQ(accuracy_of(*averaged.model, data.test, 40), report.ema_accuracy);
}

TEST(Normalisation, BelongsToTheWeights) {
  TemporaryFolder folder;
  const Dataset data = toy();
  TrainOptions o = options_for("resnet18");
  std::vector<std::string> notes;
  EXPECT_EQ(model_spec_for(o, data, {}, notes).mean, data.mean);
  EXPECT_TRUE(notes.empty());
  // Files as torchvision and timm write them: no metadata of ours.
  const auto foreign = [&](const std::string& name, int size) {
    const auto model =
        make_model({.name = name, .classes = 7, .height = size, .width = size, .mean = {}, .std = {}}, {}, 0);
    const std::filesystem::path path = folder / (name + ".safetensors");
    export_weights(path, *model, "F32");
    return path;
  };
  o.init = foreign("resnet18", 32);
  EXPECT_EQ(model_spec_for(o, data, {}, notes).mean, (std::vector<float>{0.485f, 0.456f, 0.406f}));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("torchvision"));
  o.model = "vit_tiny_patch16_224";
  o.choice.image_size = 32;
  o.init = foreign("vit_tiny_patch16_224", 64);
  EXPECT_EQ(model_spec_for(o, data, {}, notes).std, std::vector<float>(3, 0.5f));
  o.choice.normalize = "data";
  EXPECT_EQ(model_spec_for(o, data, {}, notes).std, data.std);
  o.choice.normalize = "imagenet";
  EXPECT_EQ(model_spec_for(o, data, {}, notes).std, (std::vector<float>{0.229f, 0.224f, 0.225f}));
  EXPECT_THAT(mistake_of([&] { (void)model_spec_for(o, toy(1), {}, notes); }), HasSubstr("three channels"));

  // The paper's fine-tuning, in small: foreign weights of another class count and size, resized images, a zero head. The checkpoint is
  // enough to rebuild it.
  o.choice = {.image_size = 32, .head_init = "zeros", .drop_path = 0.1f};
  o.optimizer.kind = OptimizerOptions::Kind::adam;
  o.lr.base = 1e-4;
  o.epochs = 1;
  o.fine_tuning.freeze_backbone = true;
  const TrainReport report = run(o, data, folder / "tuned");
  EXPECT_THAT(report.notes, ::testing::Contains(HasSubstr("7 classes, the model 5")));
  const SafetensorsFile file = open_checkpoint({folder / "tuned"});
  const RunInfo info = run_info_from(file);
  EXPECT_EQ(info.model.image_size, 32);
  EXPECT_EQ(info.model.drop_path, 0.1f);
  EXPECT_EQ(info.model.mean, std::vector<float>(3, 0.5f));
  EXPECT_EQ(accuracy_of(*build_trained_model(file, info, {}).model, data.test, 40), report.accuracy);
  // Started at zero, six steps of Adam at 1e-4 move no entry farther than 6e-4.
  for (const float w : values_of(file, "head.weight")) ASSERT_LE(std::abs(w), 7e-4f);
}

TEST(FineTuning, MistakesAreNamedBeforeAnythingIsWritten) {
  const auto says = [](const std::string& model, auto change) {
    TrainOptions o = options_for(model);
    change(o);
    return mistake_of([&] { check_options(o); });
  };
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.fine_tuning.clip_gradient_norm = -1; }),
              HasSubstr("--clip-gradient-norm"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.fine_tuning.label_smoothing = 1.5f; }),
              HasSubstr("--label-smoothing"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.fine_tuning.ema_decay = 1; }), HasSubstr("--ema"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.fine_tuning.accumulate = 0; }), HasSubstr("--accumulate"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.fine_tuning.layer_decay = 0.5f; }),
              HasSubstr("needs a model of blocks"));
  // Said of any model without blocks, whatever its name.
  const auto mlp = make_model({.name = "mlp", .mean = {}, .std = {}}, {}, 0);
  EXPECT_THAT(mistake_of([&] { (void)lr_scale_of({.layer_decay = 0.5f}, *mlp); }), HasSubstr("mlp belong to no block"));
  EXPECT_NO_THROW((void)lr_scale_of({.head_lr_scale = 2}, *mlp));
  EXPECT_THAT(says("resnet8", [](TrainOptions& o) { o.fine_tuning = {.freeze_backbone = true, .layer_decay = 0.5f}; }),
              HasSubstr("contradict"));
  EXPECT_THAT(says("resnet8", [](TrainOptions& o) { o.choice.dropout = 0.1f; }), HasSubstr("vit_*"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.choice.normalize = "mean"; }),
              HasSubstr("known: auto, data, half, imagenet"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.choice.head_init = "ones"; }),
              HasSubstr("known: model, zeros, normal"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.choice.head_init_scale = 0; }),
              HasSubstr("--head-init-scale must be > 0"));
  EXPECT_THAT(says("mlp",
                   [](TrainOptions& o) {
                     o.classifier = "cosine";
                     o.choice.head_init_scale = 0.5f;
                   }),
              HasSubstr("--head-init-scale needs --classifier linear"));
  EXPECT_THAT(says("mlp", [](TrainOptions& o) { o.optimizer.beta2 = 1; }), HasSubstr("--beta2"));
  EXPECT_THAT(says("mlp",
                   [](TrainOptions& o) {
                     o.reparametrize = true;
                     o.fine_tuning.clip_gradient_norm = 1;
                   }),
              HasSubstr("--reparametrize and --clip-gradient-norm"));
}

}  // namespace
}  // namespace kelvin
