// A sweep's folders read into its table: figures, comparisons, what is damaged.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "apps/sweep/cell.h"
#include "apps/sweep/table.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

// Folders as a sweep leaves them, worked out by hand: four images, τ = 50 against τ = 1, two seeds.
TEST(SweepTable, HandMadeFolders) {
  const TemporaryFolder folder;
  const std::vector<Axis> axes = {parse_axis("tau=1,50,100")};
  const std::vector<Cell> cells = expand(axes, {}, {0, 1});
  const auto fill = [&](const std::string& cell, const char* clean, const char* ce, const char* log_odds,
                        const char* worst) {
    const RunFolder run{folder / cell};
    run.write_result("train", {{"train_loss", 0.5}, {"diverged", false}});
    run.write_result("evaluate", {{"correct", clean}});
    run.write_result("attack-pgd-ce-tau1", {{"correct", ce}, {"zero_gradient_fraction", 0.25}, {"median_margin", 7}});
    run.write_result("attack-pgd-log-odds", {{"correct", log_odds}});
    run.write_result("worst-case", {{"correct", worst}});
    run.write_result("done", Json::object());
  };
  fill("tau-1_seed-0", "1110", "1100", "1100", "10");
  fill("tau-1_seed-1", "1100", "1000", "1000", "10");
  fill("tau-50_seed-0", "1111", "1111", "1000", "00");
  fill("tau-50_seed-1", "1111", "1110", "0000", "00");
  RunFolder{folder / "tau-100_seed-0"}.write_result("train", {{"diverged", true}, {"divergence", {{"step", 40}}}});
  RunFolder{folder / "tau-100_seed-1"}.write_result("error", {{"error", "no memory"}});
  const SweepTable t = make_table("test", axes, cells, folder.path(), Baseline{"tau", "1"});
  ASSERT_EQ(t.rows.size(), 3u);
  EXPECT_TRUE(t.rows[0].is_baseline);
  EXPECT_DOUBLE_EQ(t.rows[0].figures.at("clean").mean, 0.625);  // 3/4 and 2/4
  EXPECT_DOUBLE_EQ(t.rows[0].figures.at("clean").deviation, 0.25 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(t.rows[1].figures.at("clean").mean, 1);
  EXPECT_DOUBLE_EQ(t.rows[1].figures.at("worst_case").mean, 0);
  EXPECT_DOUBLE_EQ(t.rows[1].figures.at("attack_gap").mean, 1);
  EXPECT_DOUBLE_EQ(t.rows[1].figures.at("sound").mean, 0.25);  // as all attacks on the worst case's two images
  EXPECT_DOUBLE_EQ(t.rows[0].figures.at("pgd_ce_tau1").mean, 0.75);
  const Comparison& c = t.rows[1].comparisons.at("clean");
  EXPECT_EQ(c.wins, 3);
  EXPECT_EQ(c.losses, 0);
  EXPECT_THAT(c.p_of_seed, ElementsAre(0.5, 0.25));                  // mid-p of 1:0 and 2:0
  EXPECT_NEAR(c.p, std::erfc(3 / std::sqrt(2.0 * (1 + 4))), 1e-12);  // images differ by 0, 0, 1, 2
  EXPECT_TRUE(t.rows[2].comparisons.empty());
  const std::string text = text_of(t, kUnfolded);
  EXPECT_THAT(text, HasSubstr("62.5 ± 17.7"));
  EXPECT_THAT(text, HasSubstr("diverged at step 40"));
  EXPECT_THAT(text, HasSubstr("failed no memory"));
  // Over seeds: 1/4 and 1/2, so 0.375 ± 0.125 and t = 3; with one degree of freedom p is 1 − 2 atan(t) / π.
  const SeedDifference& d = t.rows[1].differences.at("clean");
  EXPECT_DOUBLE_EQ(d.test.mean, 0.375);
  EXPECT_NEAR(d.test.t, 3, 1e-12);
  EXPECT_NEAR(d.test.p, 1 - 2 * std::atan(3.0) / std::acos(-1.0), 1e-12);
  EXPECT_NEAR(*d.p_holm, std::min(1.0, 3 * d.test.p), 1e-12);  // clean, pgd_log_odds and worst_case of one row
  EXPECT_EQ(d.verdict, "not decided");
  EXPECT_FALSE(t.rows[1].differences.at("pgd_ce_tau1").p_holm.has_value());  // exploratory
  EXPECT_THAT(csv_of(t), HasSubstr("\n100,1,2,0,0,1,1,"));
  EXPECT_THAT(reading_of(t), HasSubstr("100.0 points (tau 50)"));
}

// Without a worst case the gap is taken to the sound minimum, and everything that shows it says so. Large figures stand in full.
TEST(SweepTable, WithoutAWorstCaseTheGapIsToTheSoundMinimum) {
  const TemporaryFolder folder;
  const std::vector<Axis> axes = {parse_axis("tau=50")};
  const std::vector<Cell> cells = expand(axes, {}, {0, 1});
  for (const int seed : {0, 1}) {
    const RunFolder run{folder / cells[static_cast<std::size_t>(seed)].name};
    run.write_result("train", {{"train_loss", 0.5}, {"diverged", false}});
    run.write_result("attack-pgd-ce-tau1",
                     {{"correct", "1110"}, {"zero_gradient_fraction", 0.0}, {"median_margin", 1300 + 150 * seed}});
    run.write_result("attack-pgd-log-odds", {{"correct", "0011"}});
    run.write_result("done", Json::object());
  }
  const SweepTable t = make_table("test", axes, cells, folder.path(), std::nullopt);
  EXPECT_EQ(t.gap_to, "sound minimum");
  EXPECT_DOUBLE_EQ(t.rows[0].figures.at("attack_gap").mean, 0.25);  // 3/4 less 2/4, the two columns beside it
  EXPECT_THAT(text_of(t, kUnfolded), HasSubstr("CE − sound min"));
  EXPECT_THAT(text_of(t, kUnfolded), HasSubstr("1380 ± 110"));  // 1375 and 150 / √2
  EXPECT_THAT(reading_of(t), HasSubstr("fewer survive the sound minimum than PGD on cross-entropy"));
  EXPECT_EQ(reading_of(t).find("worst case"), std::string::npos);
  EXPECT_EQ(to_json(t)["gap_to"], "sound minimum");
}

// τ = 1 and 50 with `seeds` seeds: clean accuracies that differ clearly, attacks on eight and on six images.
SweepTable table_of_two(const TemporaryFolder& folder, std::size_t seeds, const Family& family = {}) {
  std::vector<std::uint64_t> list;
  for (std::size_t s = 0; s < seeds; ++s) list.push_back(s);
  const std::vector<Axis> axes = {parse_axis("tau=1,50")};
  const std::vector<Cell> cells = expand(axes, {}, list);
  for (const Cell& cell : cells) {
    const RunFolder run{folder / cell.name};
    const bool is_high = cell.values[0] == "50";
    const std::string few = cell.seed == 1 ? "10000000" : "00000000", many = cell.seed == 2 ? "11111110" : "11111111";
    run.write_result("train", {{"train_loss", 0.5 + 0.1 * static_cast<double>(cell.seed)}, {"diverged", false}});
    run.write_result("evaluate", {{"correct", is_high ? many : few}, {"nll", is_high ? 2.5 : 0.25}});
    run.write_result("attack-pgd-ce-tau1",
                     {{"correct", "11111111"}, {"zero_gradient_fraction", 0.25}, {"median_margin", 7}});
    run.write_result("attack-pgd-log-odds", {{"correct", "11110011"}});
    run.write_result("worst-case", {{"correct", "111100"}});
    run.write_result("done", Json::object());
  }
  return make_table("test", axes, cells, folder.path(), Baseline{"tau", "1"}, family);
}

std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

TEST(SweepTable, SaysWhatIsDecidedOverSeeds) {
  const TemporaryFolder folder;
  const SweepTable t = table_of_two(folder, 3);
  EXPECT_THAT(t.family.columns, ElementsAre("clean", "pgd_log_odds", "worst_case"));
  const std::string text = text_of(t, kUnfolded);
  EXPECT_THAT(text, HasSubstr("95.8 ± 7.2 *†"));
  EXPECT_THAT(text, HasSubstr("±  sample standard deviation over three seeds"));
  EXPECT_THAT(text, HasSubstr("*  differs from its baseline over seeds"));
  EXPECT_THAT(text, HasSubstr("†  differs from its baseline on the same images"));
  EXPECT_THAT(text, HasSubstr("is no evidence about the setting"));
  EXPECT_THAT(text, HasSubstr("the first 6 images"));
  EXPECT_THAT(text, HasSubstr("the 3 declared contrasts together"));
  EXPECT_THAT(text, HasSubstr("median margin (all images)"));
  // 1, 7/8 and 7/8: mean 11/12, deviation 1/√192; t = 22 with two degrees of freedom, p = 0.00206, times 3.
  EXPECT_THAT(text, HasSubstr("tau 50  clean             3  +91.7 ["));
  EXPECT_THAT(text, HasSubstr("0.002   0.006   0.999  differs\n"));
  EXPECT_THAT(text, HasSubstr("0.0 [0.0, 0.0]  1.000   1.000  <0.001  identical\n"));
  const std::size_t second = text.find("Differences from the baseline");
  std::istringstream lines(text.substr(second));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width(line), 120u) << line;
  EXPECT_EQ(reading_of(t),
            "Of 3 declared differences from the baseline 1 is decided over seeds: clean (tau 50) +91.7. 2 identical on "
            "every image. Widest attack gap: 33.3 points (tau 1): on the same images fewer survive the worst case than "
            "PGD on cross-entropy at attack tau 1. 25.0 % of the correct images there had a gradient of exactly zero: "
            "on those the first attack did not run. Highest mean clean accuracy: 95.8 % (tau 50).");
}

TEST(SweepTable, OneSeedIsNoInferenceOverSeeds) {
  const TemporaryFolder folder;
  const SweepTable t = table_of_two(folder, 1);
  EXPECT_TRUE(t.rows[1].differences.empty());
  EXPECT_FALSE(t.rows[1].comparisons.empty());
  EXPECT_THAT(text_of(t, kUnfolded), HasSubstr("no inference over seeds"));
  EXPECT_EQ(text_of(t, kUnfolded).find("*"), std::string::npos);
  EXPECT_EQ(text_of(t, kUnfolded).find("Differences from the baseline"), std::string::npos);
  EXPECT_THAT(reading_of(t), HasSubstr("nothing is decided about other trainings"));
}

// The worst case is a minimum over the images that it shows, so no other attack column is below it.
TEST(SweepTable, AttackColumnsCountTheSameImages) {
  const TemporaryFolder folder;
  const SweepTable t = table_of_two(folder, 2);
  for (const SweepRow& row : t.rows)
    for (const CellFigures& cell : row.cells) {
      EXPECT_EQ(cell.attacked, 6u);
      for (const char* key : {"pgd_ce_tau1", "pgd_log_odds", "sound", "worst_case"})
        EXPECT_EQ(cell.images.at(key).size(), 6u) << key;
      EXPECT_DOUBLE_EQ(cell.values.at("worst_case"), 4 / 6.0);  // 111100 and the first six of 11110011
      EXPECT_DOUBLE_EQ(cell.values.at("attack_gap"), 1 - 4 / 6.0);
    }
}

TEST(SweepTable, TheFamilyIsDeclared) {
  const TemporaryFolder folder;
  const SweepTable t = table_of_two(folder, 3, {{"clean", "nll", "corrupted"}, 0.05});
  EXPECT_THAT(t.family.columns, ElementsAre("clean", "nll"));
  EXPECT_THAT(text_of(t, kUnfolded), HasSubstr("declared, but not measured: corrupted"));
  EXPECT_THAT(text_of(t, kUnfolded), HasSubstr("±5 points"));
  EXPECT_FALSE(t.rows[1].differences.at("nll").tost.has_value());  // a margin in points of accuracy says nothing of it
  EXPECT_FALSE(t.rows[1].differences.at("nll").is_crossed);
  EXPECT_THAT(mistake_of([] {
                check_family({"clean", "robust"});
              }),
              HasSubstr("robust is unknown; known: train_loss,"));
  EXPECT_THAT(mistake_of([] { check_family({"clean", "clean"}); }), HasSubstr("clean stands there twice"));
}

TEST(SweepTable, FilesKeepTheOldKeysBesideTheNew) {
  const TemporaryFolder folder;
  const SweepTable t = table_of_two(folder, 3);
  const Json json = to_json(t), figures = json["rows"][1]["figures"];
  EXPECT_EQ(figures["masking_gap"], figures["attack_gap"]);
  for (const char* key : {"mean", "std", "n", "p", "p_holm", "wins", "losses", "p_of_seed"})
    EXPECT_TRUE(figures["clean"].contains(key)) << key;
  EXPECT_EQ(figures["clean"]["over_seeds"]["verdict"], "differs");
  EXPECT_EQ(figures["clean"]["over_seeds"]["interval_over"], "seeds and images");
  EXPECT_EQ(figures["nll"]["over_seeds"]["interval_over"], "seeds");
  EXPECT_EQ(json["family"]["contrasts"], 3);
  EXPECT_EQ(json["rows"][1]["cells"][0]["values"]["masking_gap"], json["rows"][1]["cells"][0]["values"]["attack_gap"]);
  const std::string csv = csv_of(t);
  for (const char* name : {"clean_p_holm,clean_diff,clean_diff_low", "clean_p_seeds_holm,clean_p_tost,clean_verdict",
                           ",attack_gap_mean,", ",masking_gap_mean,"})
    EXPECT_THAT(csv, HasSubstr(name));
  std::istringstream lines(csv), cells(cells_csv_of(t));
  std::string header, line;
  std::getline(lines, header);
  while (std::getline(lines, line))
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), std::count(header.begin(), header.end(), ','));
  std::getline(cells, header);
  EXPECT_EQ(header,
            "tau,seed,logit_scale,status,train_loss,clean,pgd_ce_tau1,pgd_log_odds,sound,worst_case,attack_gap,"
            "zero_gradient_fraction,median_margin,nll,masking_gap");
  std::getline(cells, line);
  EXPECT_EQ(line, "1,0,1,done,0.5,0,1,0.6666666667,0.6666666667,0.6666666667,0.3333333333,0.25,7,0.25,0.3333333333");
  int rest = 0;
  while (std::getline(cells, line)) ++rest;
  EXPECT_EQ(rest, 5);
}

const std::vector<std::string> kHostile = {"x", "", "null", "5", "[]", std::string(100'000, '['), R"({"a": NaN})"};

// No figure disappears silently, and an error about any content of a file names the file.
TEST(SweepTable, DamagedResultsAreNamed) {
  const TemporaryFolder folder;
  const std::vector<Cell> cells = expand({parse_axis("tau=50")}, {}, {0});
  const RunFolder run{folder / cells[0].name};
  const std::map<std::string, Json> results = {
      {"train", {{"train_loss", 0.5}, {"diverged", false}}},
      {"evaluate", {{"correct", "1110"}, {"nll", 0.25}}},
      {"corrupt", {{"mean_accuracy", 0.5}, {"rows", {{{"correct", "10"}}}}}},
      {"attack-cw", {{"correct", "10"}}},
      {"done", Json::object()},
  };
  for (const auto& [name, json] : results) run.write_result(name, json);
  const auto message = [&](const std::string& name, const std::string& text) {
    const std::string whole = testing::read_text(run.result(name));
    std::ofstream(run.result(name)) << text;
    const std::string what =
        mistake_of([&] { (void)make_table("test", {parse_axis("tau=50")}, cells, folder.path(), std::nullopt); });
    std::ofstream(run.result(name)) << whole;
    return what;
  };
  for (const char* name : {"train", "evaluate", "corrupt", "attack-cw"})
    for (const std::string& text : kHostile)
      EXPECT_THAT(message(name, text),
                  AllOf(HasSubstr(run.result(name).string()), HasSubstr("; remove it and done.json")))
          << text.substr(0, 20);
  for (const auto& [name, text, says] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {"train", R"({"diverged": "\u001b[31mno"})", R"(diverged is the text "\x1B[31mno", expected true or false)"},
           {"train", R"({"diverged": true, "divergence": 5})", "divergence is the number 5, expected an object"},
           {"train", R"({"diverged": true, "divergence": {"step": "x"}})", "divergence.step is the text \"x\""},
           {"train", R"({"diverged": false, "train_loss": []})", "train_loss is a list, expected a number"},
           {"evaluate", R"({"correct": 5})", "correct is the number 5, expected a text"},
           {"evaluate", R"({"correct": "10x"})", "correct is the text \"10x\", expected a text of 0 and 1"},
           {"evaluate", R"({"correct": "1", "nll": "low"})", "nll is the text \"low\", expected a number"},
           {"corrupt", R"({"rows": {"a": 1}})", "rows is an object, expected a list of objects"},
           {"corrupt", R"({"rows": [5]})", "rows is the number 5, expected an object"}})
    EXPECT_THAT(message(name, text), HasSubstr(str(run.result(name).string(), ": ", says))) << text;

  for (const std::string& text : kHostile)
    EXPECT_THAT(message("error", text), HasSubstr(run.result("error").string())) << text.substr(0, 20);
  EXPECT_THAT(message("error", R"({"error": 5})"), HasSubstr("error.json: error is the number 5, expected a text"));
  // The text of an error is made printable.
  run.write_result("error", {{"error", "a\x1B[31m\n\u202Eb"}});
  const SweepTable t = make_table("test", {parse_axis("tau=50")}, cells, folder.path(), std::nullopt);
  EXPECT_THAT(text_of(t, kUnfolded), HasSubstr("tau 50, seed 0: failed a\\x1B[31m\\n\\u202Eb\n"));
}

// Damaged files never give a wrong request, state or training of a cell.
TEST(SweepCell, DamagedFilesAreNoState) {
  const TemporaryFolder folder;
  const CellRequest request = request_of(expand({parse_axis("tau=50")}, {}, {0})[0], {});
  const RunFolder run{folder / "cell"};
  prepare(run, request);
  run.write_result("train", {{"diverged", false}});
  run.write_result("done", to_json(request));
  EXPECT_EQ(state_of(run, request), CellState::finished);
  std::vector<std::string> hostile = kHostile;
  hostile.emplace_back(R"({"error": 5, "diverged": 1, "train": 5})");
  for (const std::string& text : hostile) {
    std::ofstream(run.result("error")) << text;
    EXPECT_EQ(state_of(run, request), CellState::failed) << text.substr(0, 20);
    prepare(run, request);
    EXPECT_EQ(state_of(run, request), CellState::absent);
    run.write_result("done", to_json(request));
    std::ofstream(run.result("train")) << text;
    EXPECT_EQ(training_state(run), TrainingState::absent) << text.substr(0, 20);
    std::ofstream(run.path / "cell.json") << text;
    EXPECT_THAT(mistake_of([&] { (void)read_request(run); }), HasSubstr("cell.json: is damaged ("))
        << text.substr(0, 20);
    std::ofstream(run.path / "cell.json") << to_json(request);
  }
}

}  // namespace
}  // namespace kelvin
