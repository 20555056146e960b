// The robustness card of a file as others publish them: wrn_10_1 that PyTorch trained and saved (tools/golden/card.py).
#include <cmath>

#include "engine/digest.h"
#include "engine/checked_json.h"
#include "engine/input_file.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Json;

class Card : public testing::CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    std::filesystem::create_directories(folder_ / "set");
    for (const char* name : {"images", "labels"})
      std::filesystem::copy_file(kGolden / (std::string(name) + ".npy"), folder_ / str("set/test_", name, ".npy"));
    std::filesystem::copy_file(kGolden / "published.pt", folder_ / "published.pt");
    reference_ = read_json(kGolden / "reference.json");
  }
  Json read(const std::string& name) const { return read_checked_json(folder_ / name); }
  static std::int64_t count(const Json& images, const char* flag) {
    return std::count_if(images.begin(), images.end(), [flag](const Json& i) { return i.at(flag).get<bool>(); });
  }
  const std::filesystem::path kGolden = std::filesystem::path(KELVIN_GOLDEN_DIR) / "card";
  // Little effort: the card is tested, not the attacks.
  const std::string kAudit =
      "audit --weights published.pt --data npy:set --steps 3 --queries 20 --random-points 5 --batch-size 32 ";
  Json reference_;
};

TEST_F(Card, HoldsWhatTheFileAndTheAuditSay) {
  const Json printed = json(kAudit + "--reference 53.42 --reference-clean 85.34 --card cards.html");
  EXPECT_EQ(printed["card"], "cards.html");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "cards.html"));
  const Json card = read("cards.json");

  const Json& model = card["model"];
  EXPECT_EQ(model["name"], "wrn_10_1");
  EXPECT_EQ(model["known_from"], "names and shapes of the tensors");
  EXPECT_EQ(model["parameters"], reference_["parameters"]);
  EXPECT_EQ(model["classes"], 4);
  EXPECT_EQ(model["is_average"], false);
  EXPECT_EQ(model["weights"][0]["sha256"], sha256_of(kGolden / "published.pt"));
  EXPECT_EQ(model["weights"][0]["bytes"], std::filesystem::file_size(kGolden / "published.pt"));
  EXPECT_EQ(model["normalisation"]["from"], "state_dict.module.mu and state_dict.module.sigma of published.pt");
  EXPECT_EQ(model["normalisation"]["mean"], Json({0.52f, 0.5f, 0.47f}));

  EXPECT_EQ(card["data"]["which"], "all 32 images of the test half");
  EXPECT_EQ(card["threat_model"]["eps_text"], "8/255");
  EXPECT_EQ(card["environment"]["device"], "the CPU");
  EXPECT_EQ(card["environment"]["version"], "0.1.0");
  EXPECT_EQ(card["audit"]["verdict"], printed["verdict"]);
  EXPECT_EQ(card["audit"]["checks"], printed["checks"]);

  // What PyTorch predicts of each image. Logits of some units agree to the rounding of float32.
  const Json& images = card["images"];
  ASSERT_EQ(images.size(), 32u);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Json& image = images[i];
    EXPECT_EQ(image["index"], i);
    EXPECT_EQ(image["label"], i % 4);
    EXPECT_EQ(image["prediction"], reference_["predictions"][i]);
    EXPECT_NEAR(image["margin"].get<double>(), reference_["margins"][i].get<double>(), 1e-4);
    EXPECT_EQ(image["correct"].get<bool>(), image["label"] == image["prediction"]);
  }
  // The columns follow from the flags, and the attacks' counts, too.
  const Json& accuracy = card["accuracy"];
  EXPECT_EQ(accuracy["clean"]["right"], count(images, "correct"));
  EXPECT_EQ(accuracy["worst_case"]["right"], count(images, "robust"));
  EXPECT_EQ(accuracy["paper_faithful"]["right"], count(images, "left_by_plain_pgd"));
  for (const char* column : {"clean", "paper_faithful", "sound", "autoattack", "worst_case"}) {
    const Json& c = accuracy[column];
    const double share = c["accuracy"];
    EXPECT_NEAR(share, c["right"].get<double>() / 32, 1e-12) << column;
    EXPECT_LE(c["low"], share);
    EXPECT_GE(c["high"], share);
  }
  EXPECT_LT(count(images, "robust"), count(images, "correct"));
  EXPECT_GT(count(images, "robust"), 0);
  std::int64_t broken_by_first = 0;
  for (const Json& image : images) {
    EXPECT_EQ(image["robust"].get<bool>(), image["correct"].get<bool>() && image["broken_by"].is_null());
    EXPECT_EQ(image["broken_by"].is_null(), image["times_broken"] == 0);
    broken_by_first += image["broken_by"] == 0 ? 1 : 0;
  }
  const Json& plain = card["attacks"][0];
  EXPECT_EQ(plain["title"], "PGD-3, ce, attack τ = 1");
  EXPECT_EQ(plain["attacked"], 32);
  EXPECT_EQ(broken_by_first, count(images, "correct") - plain["left"].get<std::int64_t>());
  EXPECT_EQ(plain["settings"]["steps"], 3);
  EXPECT_EQ(plain["settings"]["random_start"], true);
  EXPECT_NEAR(plain["settings"]["step"].get<double>(), 2.0 / 255, 1e-8);

  // Published figures: shares, differences and the interval, recomputed.
  const Json& rows = card["reference"]["rows"];
  EXPECT_EQ(printed["reference"], card["reference"]);
  ASSERT_EQ(rows.size(), 3u);
  const auto expect_row = [&](const Json& row, const char* figure, double published) {
    const Json& ours = accuracy[figure];
    EXPECT_EQ(row["figure"], figure);
    EXPECT_NEAR(row["published"].get<double>(), published, 1e-12);
    EXPECT_NEAR(row["difference"].get<double>(), ours["accuracy"].get<double>() - published, 1e-12);
    EXPECT_EQ(row["is_within_interval"].get<bool>(),
              ours["low"].get<double>() <= published && published <= ours["high"].get<double>());
  };
  expect_row(rows[0], "clean", 0.8534);
  expect_row(rows[1], "autoattack", 0.5342);
  expect_row(rows[2], "worst_case", 0.5342);
  EXPECT_THAT(card["reference"]["differs"].dump(), AllOf(HasSubstr("all 32 images"), HasSubstr("20 queries")));
}

TEST_F(Card, IsTheSameTwice) {
  const std::string few = kAudit + "--limit 6 --eps 0.05 ";
  (void)json(few);
  (void)json(few + "--card second");
  const std::string place = "published-card-eps0.05-steps3-queries20-points5-n6-on-npy-set";
  const Json first = read(place + ".json");
  for (const char* end : {".json", ".html"})
    EXPECT_EQ(read_text(folder_ / (place + end)), read_text(folder_ / (std::string("second") + end))) << end;
  EXPECT_EQ(first["data"]["which"], "the first 6 images of the test half");
  EXPECT_FALSE(first.contains("reference"));
}

// Names from outside reach the page as data only.
TEST_F(Card, NamesAreInert) {
  const std::string name = "a<script>alert(1)<!--\x1b[31m.pt";
  std::filesystem::rename(folder_ / "published.pt", folder_ / name);
  std::filesystem::rename(folder_ / "set", folder_ / "s<b>et");
  (void)json(
      "audit --weights 'a<script>alert(1)<!--\x1b[31m.pt' --data 'npy:s<b>et' --steps 1 --queries 2 --random-points 2 "
      "--limit 2 --card c");
  const std::string page = read_text(folder_ / "c.html");
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_THAT(page, HasSubstr("a\\u003cscript>alert(1)"));
  EXPECT_EQ(read("c.json")["model"]["weights"][0]["file"], name);
}

TEST_F(Card, OfARunLiesBesideItsAudit) {
  ASSERT_EQ(kelvin(std::string(kTrain) + "--quiet --out run").code, 0);
  const std::string audit = "audit run --steps 1 --queries 2 --random-points 2 --limit 3";
  EXPECT_EQ(json(audit)["card"], "run/results/card-steps1-queries2-points2-n3.html");
  const Json card = read("run/results/card-steps1-queries2-points2-n3.json");
  EXPECT_EQ(card["model"]["known_from"], "the run's checkpoint");
  EXPECT_EQ(card["model"]["weights"][0]["sha256"], sha256_of(folder_ / "run/checkpoint.safetensors"));
  EXPECT_FALSE(read("run/results/audit-steps1-queries2-points2-n3.json").contains("card"));
  // It is a file of the run, and none of a report.
  EXPECT_EQ(kelvin("report run --out r.html --quiet").code, 0);
  EXPECT_EQ(read_text(folder_ / "r.html").find("card-steps1"), std::string::npos);
  expect_mistake("audit --quiet --weights published.pt --data npy:set --card nowhere/c", "--card nowhere/c.json");
  expect_mistake(audit + " --quiet --reference 101", "--reference");
}

}  // namespace
}  // namespace kelvin
