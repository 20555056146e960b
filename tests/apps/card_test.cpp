// What a card says of attacks and radii, and that it is a file of its run. Whole cards: tests/cli/card_test.cpp.
#include "apps/card/card.h"

#include <gmock/gmock.h>

#include <fstream>

#include "apps/attacks/settings.h"
#include "tests/support.h"

namespace kelvin {
namespace {

TEST(Card, NamesRadiiAsPapersDo) {
  EXPECT_EQ(pixel_text(static_cast<double>(8.0f / 255)), "8/255");
  EXPECT_EQ(pixel_text(1), "255/255");
  EXPECT_EQ(pixel_text(0.5), "0.5");
  EXPECT_EQ(pixel_text(0.031), "0.031");
}

TEST(Card, HoldsTheSettingsThatAnAttackReads) {
  AttackOptions o;
  Json json = settings_json(o);
  EXPECT_EQ(json["loss"], "ce");
  EXPECT_EQ(json["steps"], 20);
  EXPECT_FLOAT_EQ(json["step"].get<float>(), 2.0f / 255);  // which nobody chose
  EXPECT_EQ(json["random_start"], true);
  EXPECT_FALSE(json.contains("queries"));
  o.pgd.random_start = false;
  o.pgd.step = 0.01f;
  json = settings_json(o);
  EXPECT_EQ(json["random_start"], false);
  EXPECT_FLOAT_EQ(json["step"].get<float>(), 0.01f);
  o.attack = "fgsm";
  EXPECT_EQ(settings_json(o)["step"], o.eps);
  o.attack = "autoattack";
  json = settings_json(o);
  EXPECT_EQ(json["version"], "standard");
  EXPECT_EQ(json["queries"], 5000);
  EXPECT_FALSE(json.contains("random_start"));
}

TEST(Card, IsAFileOfItsRun) {
  const testing::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "results");
  const RunFolder run{folder.path()};
  for (const char* name : {"results/audit-l2.json", "results/card-l2.json", "results/card-l2.html"})
    std::ofstream(folder / name) << "{}";
  EXPECT_EQ(run.stranger({}), "");
  std::ofstream(folder / "results/notes.html") << "mine";
  EXPECT_EQ(run.stranger({}), "results/notes.html");
}

}  // namespace
}  // namespace kelvin
