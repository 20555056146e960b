// Labels follow the names of classes: a model that is right about every image is right in a folder of some of its classes, and in a
// checkpoint that lists them in another order.
#include <list>

#include "data/npy.h"
#include "engine/tensor_file.h"
#include "tests/cli/cli_fixture.h"
#include "tests/data/image_writer.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;

// Three kinds of fruit, told apart by how bright they are: a few steps of training are enough to know them all.
class ClassNamesTest : public testing::CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    setenv("KELVIN_CACHE", (folder_ / "cache").c_str(), 1);
    for (const char* half : {"set/train", "set/test"}) {
      draw(str(half, "/apple"), 30);
      draw(str(half, "/banana"), 130);
      draw(str(half, "/cherry"), 230);
    }
    (void)json(kTrain + "--data folder:set --epochs 30 --out run");
    ASSERT_EQ(json("evaluate run")["accuracy"], 1);
  }
  ~ClassNamesTest() override { unsetenv("KELVIN_CACHE"); }

  void draw(const std::string& folder, int brightness, int images = 6) const {
    std::filesystem::create_directories(folder_ / folder);
    for (int i = 0; i < images; ++i) {
      std::vector<std::uint8_t> pixels;
      for (int p = 0; p < 64; ++p) pixels.push_back(static_cast<std::uint8_t>(brightness + (p * 7 + i * 5) % 20));
      stbi_write_png((folder_ / folder / str(i, ".png")).c_str(), 8, 8, 1, pixels.data(), 8);
    }
  }
  // The same model with its last layer and its names in the order cherry, apple, banana.
  void write_turned(const std::string& to) const {
    std::filesystem::create_directories(folder_ / to);
    const SafetensorsFile file = read_safetensors(folder_ / "run/checkpoint.safetensors");
    std::map<std::string, SafetensorsEntry> tensors = file.tensors;
    std::list<std::vector<std::byte>> storage;
    for (auto& [name, entry] : tensors) {
      if (entry.shape.empty() || entry.shape[0] != 3) continue;
      const std::vector<std::byte> given = elements_of(entry);
      const auto last = given.end() - static_cast<std::ptrdiff_t>(given.size() / 3);
      std::vector<std::byte>& bytes = storage.emplace_back(last, given.end());
      bytes.insert(bytes.end(), given.begin(), last);
      entry = {.dtype = entry.dtype, .shape = entry.shape, .in_memory = bytes};
    }
    std::map<std::string, std::string> metadata = file.metadata;
    Json info = Json::parse(metadata.at("kelvin"));
    info["class_names"] = {"cherry", "apple", "banana"};
    metadata["kelvin"] = info.dump();
    write_safetensors(folder_ / to / "checkpoint.safetensors", tensors, metadata);
  }
  const std::string kTrain = "train --model mlp --batch-size 6 --lr 0.1 ";
};

TEST_F(ClassNamesTest, SomeOfTheClassesAreEvaluatedByName) {
  draw("some/banana", 130);
  draw("some/cherry", 230);
  const std::string on_some = " run --data folder:some ";
  const Json e = json("evaluate" + on_some);
  EXPECT_EQ(e["accuracy"], 1);
  EXPECT_EQ(e["class_names"], Json({"banana", "cherry"}));
  EXPECT_EQ(e["per_class_accuracy"], Json({1.0, 1.0}));
  ASSERT_EQ(e["notes"].size(), 1U);
  EXPECT_THAT(e["notes"][0].get<std::string>(), HasSubstr("folder:some has 2 of the 3 classes of run"));
  EXPECT_THAT(kelvin("evaluate" + on_some).out, HasSubstr("note: folder:some has 2 of the 3 classes"));
  EXPECT_EQ(json("evaluate run")["notes"], Json::array());

  const Json attacked = json("attack --steps 1 --eps 1/255" + on_some);
  EXPECT_EQ(attacked["clean_accuracy"], 1);
  EXPECT_EQ(attacked["notes"], e["notes"]);
  EXPECT_EQ(json("audit --limit 4 --steps 2 --queries 10 --random-points 2" + on_some)["clean_accuracy"], 1);
  EXPECT_EQ(json("gradients" + on_some + "--taus 1")["accuracy"], 1);
  EXPECT_EQ(json("gradients" + on_some + "--taus 1")["class_names"], Json({"apple", "banana", "cherry"}));
  EXPECT_GT(json("geometry" + on_some)["collapse"]["nearest_centre_agreement"], 0.99);

  // Written corruptions keep the set's own labels, and are read with them.
  const std::string corrupt = "corrupt --corruptions brightness --severity 1" + on_some;
  const Json saved = json(corrupt + "--save saved");
  EXPECT_EQ(read_npy(folder_ / "saved/labels.npy").to_int(),
            (std::vector<std::int64_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(saved["mean_accuracy"], 1);
  EXPECT_EQ(json(corrupt + "--from saved")["mean_accuracy"], 1);
  draw("folders/brightness/1/banana", 134);
  draw("folders/brightness/1/cherry", 232);
  EXPECT_EQ(json(corrupt + "--from folders")["mean_accuracy"], 1);
}

TEST_F(ClassNamesTest, AClassThatTheModelDoesNotKnowIsAMistake) {
  draw("other/apple", 30);
  for (const char* name : {"date", "elderberry", "fig", "grape", "honeydew"}) draw(str("other/", name), 200, 1);
  for (const char* command : {"evaluate", "attack", "audit", "corrupt", "geometry", "gradients"})
    expect_mistake(
        str(command, " run --quiet --data folder:other"),
        "5 classes that run does not know: date, elderberry, fig, grape and 1 more; it knows apple, banana, cherry");
}

// The same if no image of that class is read.
TEST_F(ClassNamesTest, AnUnknownClassWithoutAnImageIsAMistakeToo) {
  draw("other/apple", 30);
  draw("other/date", 200);
  expect_mistake("evaluate run --quiet --limit 1 --data folder:other",
                 "folder:other: has 1 class that run does not know: date");
  for (const char* name : {"more/train/apple", "more/train/date", "more/test/apple"}) draw(name, 30);
  expect_mistake("evaluate run --quiet --data folder:more", "folder:more: has 1 class that run does not know: date");
  expect_mistake("geometry run --quiet --split train --limit 1 --data folder:more", "does not know: date");
  // A class folder without images is refused where its half is read, as torchvision's ImageFolder does; the model may know the class.
  draw("empty/apple", 30);
  std::filesystem::create_directories(folder_ / "empty/banana");
  expect_mistake("evaluate run --quiet --data folder:empty",
                 "empty/banana: a class folder without PNG, JPEG or BMP images");
  // A test half may lack classes of the training half.
  for (const char* name : {"fewer/train/apple", "fewer/train/banana", "fewer/test/apple"}) draw(name, 30);
  EXPECT_EQ(json("evaluate run --data folder:fewer")["accuracy"], 1);
}

TEST_F(ClassNamesTest, AnotherOrderIsMapped) {
  write_turned("turned");
  for (const std::string key : {"accuracy", "nll", "ece"})
    EXPECT_EQ(json("evaluate turned")[key], json("evaluate run")[key]) << key;
  EXPECT_EQ(json("evaluate turned")["class_names"], Json({"cherry", "apple", "banana"}));
  EXPECT_THAT(json("evaluate turned")["notes"][0].get<std::string>(), HasSubstr("in another order"));
  // Two models side by side: the second answers in the order of the first.
  const Json paired = json("corrupt run --corruptions brightness --severity 1 --baseline turned");
  EXPECT_EQ(paired["rows"][0]["baseline_accuracy"], paired["rows"][0]["accuracy"]);
  const Json audited = json("audit run --limit 6 --steps 2 --queries 10 --random-points 2 --twin turned --twin run");
  for (const Json& check : audited["checks"])
    if (check["name"] == "transfer") {
      const Json& twins = check["values"]["twins"];
      ASSERT_EQ(twins.size(), 2U);
      EXPECT_EQ(twins[0]["twin"], "turned");
      EXPECT_EQ(twins[0]["robust_accuracy"], twins[1]["robust_accuracy"]);
    }

  // It is continued in its own order.
  std::filesystem::copy(folder_ / "run", folder_ / "continued", std::filesystem::copy_options::recursive);
  write_turned("continued");
  // Its images come in another order, too: the run goes on with them only where that is asked for.
  expect_mistake("train --resume --quiet --out continued --epochs 31", "--accept-changed-data");
  (void)json("train --resume --accept-changed-data --out continued --epochs 31");
  EXPECT_EQ(json("evaluate continued")["accuracy"], 1);
  EXPECT_EQ(json("evaluate continued")["class_names"], Json({"cherry", "apple", "banana"}));

  // A training that starts from it starts as the model it was: with a learning rate of zero it stays so.
  const Outcome o =
      kelvin(kTrain + "--data folder:set --lr 0 --epochs 1 --init turned/checkpoint.safetensors --out again");
  EXPECT_THAT(o.out, HasSubstr("is put into the order of the data's classes"));
  EXPECT_NEAR(json("evaluate again")["nll"].get<double>(), json("evaluate run")["nll"].get<double>(), 1e-6);
  EXPECT_EQ(json("evaluate again")["class_names"], Json({"apple", "banana", "cherry"}));
}

// A test half of some of the classes, and a checkpoint that lists them in another order: labels taken as they are would be wrong on
// every image of both.
TEST_F(ClassNamesTest, ACellOfASweepIsMeasuredByName) {
  std::filesystem::remove_all(folder_ / "set/test/apple");
  const std::string sweep =
      "sweep --data folder:set --model mlp --batch-size 6 --lr 0.1 --epochs 30 --grid tau=1 --measure clean --out s";
  const auto expect_right = [&](const Json& classes) {
    const Json figures = json(sweep)["rows"][0]["figures"];
    EXPECT_EQ(figures["clean"]["mean"], 1);
    const Json kept = Json::parse(testing::read_text(folder_ / "s/tau-1_seed-0/results/evaluate.json"));
    EXPECT_EQ(kept["accuracy"], 1);
    EXPECT_EQ(kept["n"], 12);
    EXPECT_EQ(kept["class_names"], classes);
  };
  expect_right({"banana", "cherry"});
  write_turned("turned");
  std::filesystem::copy_file(folder_ / "turned/checkpoint.safetensors",
                             folder_ / "s/tau-1_seed-0/checkpoint.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  for (const char* name : {"evaluate", "done"})
    std::filesystem::remove(folder_ / str("s/tau-1_seed-0/results/", name, ".json"));
  expect_right({"cherry", "banana"});
}

TEST_F(ClassNamesTest, OtherNamesStartANewLastLayer) {
  draw("vegetables/train/artichoke", 30);
  draw("vegetables/train/beet", 130);
  draw("vegetables/train/carrot", 230);
  const std::string train = kTrain + "--data folder:vegetables --lr 0 --epochs 1 ";
  const Outcome o = kelvin(train + "--init run/checkpoint.safetensors --out named");
  EXPECT_THAT(
      o.out,
      HasSubstr("the last layer starts anew: the classes of run/checkpoint.safetensors are apple, banana, cherry"));
  (void)json(train + "--out fresh");
  const auto head = [&](const std::string& run) {
    return floats_of(read_safetensors(folder_ / (run + "/checkpoint.safetensors")).tensors.at("fc.weight"));
  };
  EXPECT_EQ(head("named"), head("fresh"));
  EXPECT_NE(head("named"), head("run"));
  expect_mistake("corrupt run --quiet --corruptions brightness --baseline named", "does not know these classes");
  expect_mistake("audit run --quiet --twin named", "does not know");
}

TEST_F(ClassNamesTest, ARunIsContinuedOnTheClassesItBeganWith) {
  const std::string more = "train --resume --quiet --out run --epochs 31";
  std::filesystem::rename(folder_ / "set/train/banana", folder_ / "set/train/zucchini");
  std::filesystem::rename(folder_ / "set/test/banana", folder_ / "set/test/zucchini");
  expect_mistake(more, "gone: banana; new: zucchini");
  std::filesystem::rename(folder_ / "set/train/zucchini", folder_ / "set/train/banana");
  std::filesystem::rename(folder_ / "set/test/zucchini", folder_ / "set/test/banana");
  draw("set/train/aubergine", 80);
  expect_mistake(more, "new: aubergine");
  std::filesystem::remove_all(folder_ / "set/train/aubergine");
  std::filesystem::rename(folder_ / "set/train/cherry", folder_ / "elsewhere");
  std::filesystem::rename(folder_ / "set/test/cherry", folder_ / "elsewhere too");
  expect_mistake(more, "gone: cherry");
  std::filesystem::rename(folder_ / "elsewhere", folder_ / "set/train/cherry");
  std::filesystem::rename(folder_ / "elsewhere too", folder_ / "set/test/cherry");
  EXPECT_EQ(kelvin(more).code, 0);
  EXPECT_EQ(json("evaluate run")["accuracy"], 1);
}

// Numbers are no names: neither those of a .npy set nor those that a run of an earlier version wrote for it.
TEST_F(ClassNamesTest, SetsWithoutNamesAreTakenAsTheyAre) {
  std::vector<std::uint8_t> pixels;
  for (const int brightness : {130, 230})
    for (int p = 0; p < 64; ++p) pixels.push_back(static_cast<std::uint8_t>(brightness + p % 20));
  std::filesystem::create_directories(folder_ / "npy");
  write_npy(folder_ / "npy/test_images.npy", std::span<const std::uint8_t>(pixels), {2, 8, 8, 1});
  write_npy(folder_ / "npy/test_labels.npy", std::span<const std::uint8_t>(std::vector<std::uint8_t>{1, 2}), {2});
  const Json on_npy = json("evaluate run --data npy:npy");
  EXPECT_EQ(on_npy["accuracy"], 1);
  EXPECT_EQ(on_npy["class_names"], Json({"1", "2"}));
  EXPECT_EQ(on_npy["notes"], Json::array());

  SafetensorsFile file = read_safetensors(folder_ / "run/checkpoint.safetensors");
  Json info = Json::parse(file.metadata.at("kelvin"));
  info["class_names"] = {"0", "1", "2"};
  info["data"] = "npy:npy";
  file.metadata["kelvin"] = info.dump();
  std::filesystem::create_directories(folder_ / "old");
  write_safetensors(folder_ / "old/checkpoint.safetensors", file.tensors, file.metadata);
  EXPECT_EQ(json("evaluate old")["accuracy"], 1);
  EXPECT_EQ(json("evaluate old --data folder:set")["accuracy"], 1);
}

// This model makes no error to divide by.
TEST_F(ClassNamesTest, ABaselineWithoutErrorsIsLeftOutAndNamed) {
  const std::string corrupt = "corrupt run --corruptions brightness,contrast --severity 1 --baseline run";
  const Json table = json(corrupt);
  ASSERT_EQ(table["rows"][0]["baseline_accuracy"], 1);
  EXPECT_TRUE(table["mce"].is_null());
  EXPECT_EQ(table["mce_left_out"], Json({"brightness", "contrast"}));
  EXPECT_EQ(table["relative_mce_left_out"], Json({"brightness", "contrast"}));
  const std::string text = kelvin(corrupt + " --quiet").out;
  EXPECT_THAT(text, HasSubstr("only baseline right"));
  EXPECT_THAT(
      text,
      HasSubstr("mCE – of the baseline's errors, without brightness, contrast: the baseline makes no error there"));
}

}  // namespace
}  // namespace kelvin
