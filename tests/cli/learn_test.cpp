// kelvin learn: one file that opens offline.
#include <regex>
#include <sstream>

#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::read_text;

using Learn = CliTest;

TEST_F(Learn, WritesOneFile) {
  const Outcome o = kelvin("learn");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("kelvin-course.html"));
  std::filesystem::create_directories(folder_ / "made");
  EXPECT_EQ(json("learn --out made/again.html")["course"], "made/again.html");
  EXPECT_EQ(read_text(folder_ / "made/again.html"), read_text(folder_ / "kelvin-course.html"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "made"), {}), 1);
}

TEST_F(Learn, LoadsNothingAndIsSmall) {
  ASSERT_EQ(kelvin("learn --quiet").code, 0);
  const std::string page = read_text(folder_ / "kelvin-course.html");
  EXPECT_LT(page.size(), 1'000'000u);
  // Nothing but links that a reader follows names an address, and nothing loads a file.
  const std::regex address(R"(.{0,20}https?://[^" ]*)");
  for (std::sregex_iterator at(page.begin(), page.end(), address), end; at != end; ++at)
    EXPECT_THAT(at->str(), ::testing::ContainsRegex("<a href=\"https://arxiv.org/abs/[0-9.]+$"));
  for (const char* loads : {"src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "{{"})
    EXPECT_THAT(page, Not(HasSubstr(loads)));
}

TEST_F(Learn, EveryLessonHasAQuestionAFigureAnAnswerAndAnExercise) {
  ASSERT_EQ(kelvin("learn --quiet").code, 0);
  const std::string page = read_text(folder_ / "kelvin-course.html");
  for (int lesson = 1; lesson <= 8; ++lesson) {
    const std::size_t at = page.find("<section class=\"lesson\" id=\"lesson-" + std::to_string(lesson) + "\"");
    ASSERT_NE(at, std::string::npos) << lesson;
    const std::string text = page.substr(at, page.find("</section>", at) - at);
    for (const char* part : {"class=\"question\"", "data-right=", "<figure data-figure=", "<svg", "class=\"answer\"",
                             "Run next in Kelvin", "data-exercise="})
      EXPECT_THAT(text, HasSubstr(part)) << lesson;
  }
  for (const char* term : {"glossary-pgd", "glossary-masking", "glossary-prototype", "glossary-logit"})
    EXPECT_THAT(page, HasSubstr("id=\"" + std::string(term) + "\"")) << term;
}

// The commands that the lessons name: each flag and preset is in the command's help.
TEST_F(Learn, CommandsAreThoseOfTheProgram) {
  ASSERT_EQ(kelvin("learn --quiet").code, 0);
  std::istringstream page(read_text(folder_ / "kelvin-course.html"));
  const std::regex command(R"(^(<pre[^>]*><code>)?kelvin ([a-z]+)([^#]*))"), flag(R"(--[a-z-]+)");
  int commands = 0;
  for (std::string line; std::getline(page, line);) {
    std::smatch found;
    if (!std::regex_search(line, found, command)) continue;
    ++commands;
    const std::string help = kelvin(found[2].str() + " --help-all").out, flags = found[3].str();
    EXPECT_THAT(help, HasSubstr("Examples:")) << line;
    for (std::sregex_iterator at(flags.begin(), flags.end(), flag), end; at != end; ++at)
      EXPECT_THAT(help, HasSubstr(at->str())) << line;
    std::smatch preset;
    if (std::regex_search(flags, preset, std::regex("--preset ([a-z-]+)"))) {
      EXPECT_THAT(kelvin("sweep --preset none --out none").err, HasSubstr(preset[1].str())) << line;
    }
  }
  EXPECT_GT(commands, 12);
}

}  // namespace
}  // namespace kelvin
