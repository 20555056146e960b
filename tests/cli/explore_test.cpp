// kelvin explore from outside: one page that needs nothing else, and one line for what it cannot do.
#include <gmock/gmock.h>

#include <fstream>
#include <regex>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;
using testing::read_text;

class ExploreTest : public CliTest {
 protected:
  void SetUp() override {
    for (const std::string tau : {"1", "50"})
      ASSERT_EQ(kelvin(std::string(kTrain) + "--quiet --lr-times-tau --tau " + tau + " --out tau" + tau).code, 0);
  }
  Json data_of(const std::string& page) {
    const std::string text = read_text(folder_ / page), begin = "id=\"data\">";
    const std::size_t at = text.find(begin) + begin.size();
    return Json::parse(text.substr(at, text.find("</script>", at) - at));
  }
};

TEST_F(ExploreTest, WritesOnePageThatNeedsNothingElse) {
  const Json answer = json("explore tau1 tau50 --images 6 --steps 4 --eps 4/255 --out page.html");
  const std::string page = read_text(folder_ / "page.html");
  EXPECT_EQ(answer, (Json{{"out", "page.html"}, {"images", 6}, {"models", 2}, {"bytes", page.size()}}));
  EXPECT_LT(page.size(), 3'000'000u);
  EXPECT_THAT(page, ::testing::Not(HasSubstr("{{")));
  for (const char* outside : {"src=\"http", "@import", "url(", "fetch(", "XMLHttpRequest"})
    EXPECT_THAT(page, ::testing::Not(HasSubstr(outside)));
  const Json data = data_of("page.html");
  ASSERT_EQ(data["models"].size(), 2u);
  EXPECT_EQ(data["models"][1]["tau"], 50);
  EXPECT_EQ(data["chosen_from"], 100);
  EXPECT_NEAR(data["attack"]["eps"].get<double>(), 4.0 / 255, 1e-8);
  for (const Json& model : data["models"]) {
    ASSERT_EQ(model["images"].size(), 6u);
    for (const Json& image : model["images"])
      for (const char* loss : {"ce", "log-odds"}) EXPECT_EQ(image[loss]["path"]["margin"].size(), 5u);
  }
  EXPECT_EQ(kelvin("explore tau1 tau50 --images 6 --steps 4 --eps 4/255 --out same.html --quiet").code, 0);
  EXPECT_EQ(read_text(folder_ / "same.html"), page);
  EXPECT_EQ(kelvin("explore tau1 --images 6 --steps 4 --seed 1 --quiet").code, 0);
  EXPECT_NE(data_of("kelvin-explorer.html")["images"], data["images"]);
}

// The path of the page ends where `kelvin attack` ends.
TEST_F(ExploreTest, ItsPathIsThatOfAttack) {
  ASSERT_EQ(kelvin("explore tau1 --images 64 --limit 64 --steps 7 --seed 5 --quiet --out page.html").code, 0);
  ASSERT_EQ(kelvin("attack tau1 --limit 64 --steps 7 --seed 5 --last-iterate --save-results lines.jsonl --quiet").code,
            0);
  const Json images = data_of("page.html")["models"][0]["images"];
  std::ifstream lines(folder_ / "lines.jsonl");
  int n = 0;
  for (std::string line; std::getline(lines, line); ++n) {
    const Json expected = Json::parse(line), &path = images[static_cast<std::size_t>(n)]["ce"]["path"];
    EXPECT_EQ(path["prediction"].back(), expected["adversarial_prediction"]) << n;
    EXPECT_FLOAT_EQ(path["margin"].back().get<float>(), expected["adversarial_margin"].get<float>()) << n;
  }
  EXPECT_EQ(n, 64);
}

TEST_F(ExploreTest, RefusesInOneLineWhatItCannotShow) {
  std::filesystem::create_directories(folder_ / "empty");
  expect_mistake("explore empty", "empty");
  expect_mistake("explore nowhere", "nowhere");
  expect_mistake("explore tau1 empty", "empty");
  expect_mistake("explore tau1/config.toml", "tau1/config.toml: is a file; expected a run folder");
  expect_mistake("explore", "runs");
  for (const char* n : {"0", "-1", "65", "2.5", "many"})
    expect_mistake(std::string("explore tau1 --images ") + n, "--images");
  expect_mistake("explore tau1 --images 6 --limit 5", "--images 6: there are only 5 test images");
  expect_mistake("explore tau1 --eps 2", "--eps 2: pixels are in [0, 1]; 2/255 was meant?");
  expect_mistake("explore tau1 --steps 100000", "take fewer --steps");
  expect_mistake("explore tau1 --out none/x.html", "--out none/x.html: there is no folder none");
  expect_mistake("explore tau1 --norm l2", "--norm");

  const std::string train = "train --model mlp --epochs 1 --batch-size 32 --quiet --data ";
  ASSERT_EQ(kelvin(train + "synthetic:train=64,test=100,size=8,classes=5 --out five").code, 0);
  expect_mistake("explore tau1 five",
                 "five: its data set is synthetic:train=64,test=100,size=8,classes=5, that of tau1 is");
  expect_mistake("explore tau1 five --data synthetic:train=64,test=100,size=8,classes=4",
                 "five: its classes are not those");
  ASSERT_EQ(kelvin(train + "synthetic:train=256,test=100,size=8,classes=4 --seed 9 --out other").code, 0);
  expect_mistake("explore tau1 other", "other: its images are not those of tau1 (seed 9, there 0)");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "kelvin-explorer.html"));
}

TEST_F(ExploreTest, RefusesDamagedRunsAndImagesOutsideTheUnitInterval) {
  std::filesystem::create_directories(folder_ / "npy");
  const auto write = [&](float brightest) {
    for (const std::string half : {"train", "test"}) {
      std::vector<float> pixels(40 * 64, 0.25f);
      pixels[7] = brightest;
      write_npy(folder_ / ("npy/" + half + "_images.npy"), std::span<const float>(pixels), {40, 8, 8, 1});
      std::vector<std::uint8_t> labels(40);
      for (std::size_t i = 0; i < 40; ++i) labels[i] = static_cast<std::uint8_t>(i % 4);
      write_npy(folder_ / ("npy/" + half + "_labels.npy"), std::span<const std::uint8_t>(labels), {40});
    }
  };
  write(1);
  ASSERT_EQ(kelvin("train --data npy:npy --model mlp --epochs 1 --batch-size 8 --quiet --out run").code, 0);
  ASSERT_EQ(kelvin("explore run --images 2 --steps 1 --quiet").code, 0);
  write(1.5f);
  expect_mistake("explore run --out two.html", "[0, 1]");
  write(1);

  const std::filesystem::path checkpoint = folder_ / "run/checkpoint.safetensors";
  std::string bytes = read_text(checkpoint);
  bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
  std::ofstream(checkpoint, std::ios::binary) << bytes;
  expect_mistake("explore run --out two.html", "checkpoint.safetensors");
  std::ofstream(checkpoint, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  expect_mistake("explore run --out two.html", "checkpoint.safetensors");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "two.html"));
}

}  // namespace
}  // namespace kelvin
