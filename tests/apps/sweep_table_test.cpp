// A sweep's folders read into its table: figures, comparisons, what is damaged.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>

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
  EXPECT_DOUBLE_EQ(t.rows[1].figures.at("masking_gap").mean, 1);  // on the worst case's two images
  EXPECT_DOUBLE_EQ(t.rows[1].figures.at("sound").mean, 0.125);
  const Comparison& c = t.rows[1].comparisons.at("clean");
  EXPECT_EQ(c.wins, 3);
  EXPECT_EQ(c.losses, 0);
  EXPECT_THAT(c.p_of_seed, ElementsAre(0.5, 0.25));                  // mid-p of 1:0 and 2:0
  EXPECT_NEAR(c.p, std::erfc(3 / std::sqrt(2.0 * (1 + 4))), 1e-12);  // images differ by 0, 0, 1, 2
  EXPECT_TRUE(t.rows[2].comparisons.empty());
  const std::string text = text_of(t);
  EXPECT_THAT(text, HasSubstr("62.5 ± 17.7"));
  EXPECT_THAT(text, HasSubstr("diverged at step 40"));
  EXPECT_THAT(text, HasSubstr("failed no memory"));
  EXPECT_THAT(csv_of(t), HasSubstr("\n100,1,2,0,1,1,"));
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
  EXPECT_DOUBLE_EQ(t.rows[0].figures.at("masking_gap").mean, 0.25);  // 3/4 less 2/4, the two columns beside it
  EXPECT_THAT(text_of(t), HasSubstr("CE − sound min"));
  EXPECT_THAT(text_of(t), HasSubstr("1380 ± 110"));  // 1375 and 150 / √2
  EXPECT_THAT(reading_of(t), HasSubstr("fewer survive the sound minimum than PGD on cross-entropy"));
  EXPECT_EQ(reading_of(t).find("worst case"), std::string::npos);
  EXPECT_EQ(to_json(t)["gap_to"], "sound minimum");
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
  EXPECT_THAT(text_of(t), HasSubstr("tau 50, seed 0: failed a\\x1B[31m\\n\\u202Eb\n"));
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
