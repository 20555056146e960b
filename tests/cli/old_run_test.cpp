// A run folder that the program of commit 8abcd4c wrote, before there were checksums and digests, still evaluates, resumes and reports.
#include "tests/cli/cli_fixture.h"

namespace kelvin::testing {
namespace {

using ::testing::HasSubstr;

class OldRunTest : public CliTest {
 protected:
  OldRunTest() {
    std::filesystem::copy(std::filesystem::path(KELVIN_GOLDEN_DIR) / "old_run", folder_ / "old",
                          std::filesystem::copy_options::recursive);
  }
  // float32 sums in another order on other processors.
  static constexpr double kTolerance = 1e-4;
};

TEST_F(OldRunTest, EvaluatesAsBefore) {
  const Json before = Json::parse(read_text(folder_ / "old/results/evaluate.json"));
  const Outcome o = kelvin("evaluate old --threads 1 --quiet --json");
  ASSERT_EQ(o.code, 0) << o.err;
  const Json now = Json::parse(o.out);
  EXPECT_EQ(now.at("accuracy"), before.at("accuracy"));
  EXPECT_NEAR(now.at("nll"), before.at("nll"), kTolerance);
  EXPECT_THAT(o.err, HasSubstr("old/checkpoint.safetensors: written by an older version, without checksums"));
}

// The figures are those of the old program's own third epoch.
TEST_F(OldRunTest, ResumesAsBefore) {
  const Outcome o = kelvin("train --resume --out old --epochs 3 --threads 1 --json");
  ASSERT_EQ(o.code, 0) << o.err;
  const Json now = Json::parse(o.out);
  EXPECT_NEAR(now.at("train_loss"), 0.9601930379867554, kTolerance);
  EXPECT_EQ(now.at("accuracy"), 0.5625);
  EXPECT_THAT(o.err, HasSubstr("its checkpoint is of an earlier version of kelvin"));
  // From here on it is a new one.
  EXPECT_EQ(kelvin("evaluate old --threads 1 --quiet").err.find("older version"), std::string::npos);
}

TEST_F(OldRunTest, ReportsAsBefore) {
  const Outcome o = kelvin("report old --out r.html");
  EXPECT_EQ(o.code, 0);
  EXPECT_EQ(o.err,
            "note: old/results: 3 of 3 files written by an older version, without checksums; damage in them would not "
            "be noticed\n");
  const std::string page = read_text(folder_ / "r.html");
  for (const char* figure : {"attack-pgd-ce-tau1-steps5", "\"train_loss\""}) EXPECT_THAT(page, HasSubstr(figure));
  // Results that are written today have one.
  ASSERT_EQ(kelvin("evaluate old --threads 1 --quiet").code, 0);
  EXPECT_THAT(kelvin("report old --out r.html").err, HasSubstr("old/results: 2 of 3 files"));
}

}  // namespace
}  // namespace kelvin::testing
