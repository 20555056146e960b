// What attacks, audits and evaluations leave in results/: the radius and step they were made with, and names that keep what was
// made with other settings apart. And the report that reads them.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/cli/lines.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::read_text;

class ResultsCli : public ::testing::Test {
 protected:
  // One trained network for the whole file.
  static void SetUpTestSuite() {
    folder_ = std::filesystem::temp_directory_path() / ("kelvin-results-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    const Outcome o = kelvin(
        "train --data synthetic:train=256,test=60,size=8,classes=4 --model mlp --epochs 2 --batch-size 32 --lr 0.05 "
        "--tau "
        "20 --lr-times-tau --quiet --out run");
    ASSERT_EQ(o.code, 0) << o.err;
  }
  static void TearDownTestSuite() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void SetUp() override {
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run/results"))
      if (entry.path().filename() != "train.json") std::filesystem::remove(entry.path());
  }

  static Outcome kelvin(const std::string& arguments) {
    return testing::run_program(folder_, KELVIN_PROGRAM, arguments);
  }
  static Json json(const std::string& arguments) {
    const Outcome o = kelvin(arguments + " --json --quiet");
    EXPECT_EQ(o.code, 0) << o.err;
    return Json::parse(o.out);
  }
  static void expect_mistake(const std::string& arguments, const std::string& says) {
    const Outcome o = kelvin(arguments);
    EXPECT_EQ(o.code, 2) << arguments << "\n" << o.err;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    EXPECT_THAT(o.err, HasSubstr(says));
  }
  // Names of the results, without .json.
  static std::set<std::string> results() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run/results"))
      names.insert(entry.path().stem().string());
    return names;
  }
  inline static std::filesystem::path folder_;
};

TEST_F(ResultsCli, StepAndRadiusFollowTheNorm) {
  const Json usual = json("attack run --limit 5 --steps 2");
  EXPECT_EQ(usual["eps"].get<float>(), 8.0f / 255);
  EXPECT_EQ(usual["step"].get<float>(), 2.0f / 255);
  const Json wide = json("attack run --limit 5 --steps 2 --eps 0.2");
  EXPECT_EQ(wide["step"].get<float>(), 0.2f / 4);
  const Json l2 = json("attack run --limit 5 --steps 2 --norm l2");
  EXPECT_EQ(l2["eps"], 0.5);
  EXPECT_EQ(l2["step"], 0.125);
  const Json audited = json("audit run --limit 3 --norm l2 --queries 5 --random-points 5 --steps 2");
  EXPECT_EQ(audited["eps"], 0.5);
  EXPECT_EQ(audited["step"], 0.125);
  EXPECT_EQ(audited["masking_gap"], audited["attack_gap"]);
  EXPECT_EQ(audited["verdict"], "no sign");  // three images cannot tell
  EXPECT_EQ(audited["masked"], false);
  ASSERT_FALSE(audited["warnings"].empty());
  EXPECT_THAT(audited["warnings"][0].get<std::string>(), HasSubstr("the ball's edge is out of reach"));
  EXPECT_THAT(kelvin("attack run --limit 5 --steps 2 --norm l2 --quiet").out, HasSubstr("eps 0.5 l2"));
}

TEST_F(ResultsCli, MistakesComeBeforeTheAttack) {
  expect_mistake("attack run --eps 8", "--eps 8: pixels are in [0, 1]; 8/255 was meant?");
  expect_mistake("audit run --eps 8", "8/255 was meant?");
  expect_mistake("sweep --grid tau=1 --eps 8 --out s", "8/255 was meant?");
  expect_mistake("attack run --attack square --steps 5", "--steps: square has no use for it; it belongs to pgd");
  expect_mistake("attack run --attack fgsm --step 0.1", "--step: fgsm");
  expect_mistake("attack run --save-adversarial nodir/a.npy",
                 "--save-adversarial nodir/a.npy: there is no folder nodir");
  expect_mistake("attack run --save-results run", "is a folder");
  EXPECT_EQ(results(), std::set<std::string>{"train"});
}

TEST_F(ResultsCli, WhatWasMadeOtherwiseHasANameOfItsOwn) {
  for (const char* arguments : {"attack run",
                                "attack run --eps 4/255",
                                "attack run --limit 20",
                                "attack run --limit 60",
                                "attack run --steps 5 --seed 3",
                                "attack run --norm l2",
                                "attack run --attack fgsm --loss log-odds",
                                "attack run --targeted 3",
                                "attack run --attack square --queries 10 --norm l2",
                                "evaluate run",
                                "evaluate run --limit 30",
                                "evaluate run --limit 500",
                                "evaluate run --eval-tau 20",
                                "corrupt run --corruptions contrast",
                                "corrupt run --corruptions contrast --severity all --seed 1",
                                "geometry run",
                                "geometry run --limit 20",
                                "gradients run --limit 20 --taus 1,20",
                                "gradients run --limit 500",
                                "evaluate run --data synthetic:train=4,test=9,size=8,classes=4"})
    EXPECT_EQ(kelvin(std::string(arguments) + " --quiet").code, 0) << arguments;
  const std::set<std::string> expected = {"train",
                                          "attack-pgd-ce-tau1",
                                          "attack-pgd-ce-tau1-eps4of255",
                                          "attack-pgd-ce-tau1-n20",
                                          "attack-pgd-ce-tau1-steps5-seed3",
                                          "attack-pgd-ce-tau1-l2",
                                          "attack-fgsm-log-odds-tau1",
                                          "attack-pgd-ce-tau1-targeted-3",
                                          "attack-square-l2-queries10",
                                          "evaluate",
                                          "evaluate-n30",
                                          "evaluate-tau20",
                                          "evaluate-on-synthetic-train=4,test=9,size=8,classes=4",
                                          "corrupt-contrast",
                                          "corrupt-contrast-severity-all-seed1",
                                          "geometry",
                                          "geometry-n20",
                                          "gradients",
                                          "gradients-taus1,20-n20"};
  EXPECT_EQ(results(), expected);
  const Json few = Json::parse(read_text(folder_ / "run/results/evaluate-n30.json"));
  EXPECT_EQ(few["variant"], "n30");
  EXPECT_EQ(few["n"], 30);
  EXPECT_EQ(Json::parse(read_text(folder_ / "run/results/evaluate.json"))["n"], 60);
  EXPECT_THAT(kelvin("attack run --limit 20").err, HasSubstr("Saved: run/results/attack-pgd-ce-tau1-n20.json"));
}

TEST_F(ResultsCli, TextSaysFromWhereAndHowOften) {
  EXPECT_THAT(testing::unfolded(kelvin("attack run --quiet").out), HasSubstr("mean move from the start 0.0"));
  EXPECT_THAT(testing::unfolded(kelvin("attack run --quiet").out), HasSubstr("(L-infinity, at most 2 eps)"));
  EXPECT_THAT(testing::unfolded(kelvin("attack run --quiet --no-random-start").out),
              HasSubstr("(L-infinity, at most eps)"));
  EXPECT_THAT(testing::unfolded(kelvin("attack run --quiet --attack square --queries 9").out),
              HasSubstr("mean L-infinity distance of the images found from their originals"));
  EXPECT_THAT(testing::unfolded(kelvin("attack run --quiet --targeted 3").out),
              HasSubstr("the target was reached on "));
}

// 100 columns where standard output is no terminal.
TEST_F(ResultsCli, NoLineIsWiderThanTheTerminal) {
  for (const char* command :
       {"geometry run", "gradients run --limit 20", "attack run --limit 5 --steps 2",
        "audit run --limit 3 --queries 5 --random-points 5 --steps 2", "evaluate run --fit-tau folds"}) {
    const Outcome o = kelvin(std::string(command) + " --quiet");
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_LE(testing::widest_line(o.out), 100u) << o.out;
  }
}

// A quickstart or a sweep reads its results again, and pairs their images: other images get another name, the same ones keep its flags.
TEST_F(ResultsCli, WhatAQuickstartMeasuredStays) {
  ASSERT_EQ(kelvin("quickstart --data synthetic:train=64,test=60,size=8,classes=4 --model mlp --epochs 1 --taus 1 "
                   "--attack-limit "
                   "20 --quiet --out quick")
                .code,
            0);
  const std::filesystem::path kept = folder_ / "quick/tau-1/results/attack-pgd-ce-tau1.json";
  const std::string before = read_text(kept);
  EXPECT_EQ(json("attack quick/tau-1")["n"], 60);
  EXPECT_EQ(read_text(kept), before);
  EXPECT_EQ(Json::parse(read_text(folder_ / "quick/tau-1/results/attack-pgd-ce-tau1-n60.json"))["label"],
            "pgd-ce-tau1-n60");
  const std::filesystem::path clean = folder_ / "quick/tau-1/results/evaluate.json";
  const Json evaluated = Json::parse(read_text(clean));
  EXPECT_EQ(json("evaluate quick/tau-1 --fit-tau folds")["n"], 60);
  const Json again = Json::parse(read_text(clean));
  EXPECT_EQ(again["correct"], evaluated["correct"]);
  EXPECT_EQ(again["settings"], evaluated["settings"]);
  EXPECT_TRUE(again.contains("fit"));
}

// Figures that cannot be kept are printed all the same.
TEST_F(ResultsCli, FiguresThatCannotBeKeptArePrinted) {
  std::filesystem::rename(folder_ / "run/results", folder_ / "run/kept");
  std::ofstream(folder_ / "run/results") << "in the way";
  constexpr const char* kAudit = "audit run --limit 2 --queries 5 --random-points 5 --steps 2";
  for (const char* arguments : {"evaluate run", "corrupt run --corruptions contrast", "geometry run", kAudit}) {
    const Outcome o = kelvin(std::string(arguments) + " --quiet");
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_NE(o.out, "") << arguments;
    if (arguments == std::string_view(kAudit)) {
      EXPECT_THAT(o.out, HasSubstr("| attack gap "));
      EXPECT_THAT(o.out, HasSubstr("verdict: no sign"));
    }
    EXPECT_THAT(o.err, HasSubstr("run/results")) << arguments;
  }
  std::filesystem::remove(folder_ / "run/results");
  std::filesystem::rename(folder_ / "run/kept", folder_ / "run/results");
}

TEST_F(ResultsCli, AReportNeedsRunFolders) {
  std::filesystem::create_directories(folder_ / "empty");
  expect_mistake("report empty", "empty: no run folder: it holds neither config.toml nor results/");
  expect_mistake("report .", "there are runs inside, such as ./run");
  EXPECT_EQ(kelvin("report run --out r.html").code, 0);
  EXPECT_THAT(read_text(folder_ / "r.html"), HasSubstr("CE − log-odds gap"));
}

}  // namespace
}  // namespace kelvin
