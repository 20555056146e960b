// README's evening of reading: the files are there, have about as many lines as it says, and are at most 1,100 lines together.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

namespace kelvin {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

int lines_of(const fs::path& path) {
  const std::string text = read(path);
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Readme, AnEveningIsElevenHundredLines) {
  const fs::path root = KELVIN_SOURCE_DIR;
  const std::string readme = read(root / "README.md");
  const std::size_t begin = readme.find("## Read it in an evening"), end = readme.find("\n## ", begin + 1);
  ASSERT_NE(begin, std::string::npos);
  const std::string section = readme.substr(begin, end - begin);
  const std::regex row(R"(\n\| [a-z ]+ \| ([^|]+) \| (\d+) \|)"), name(R"(`([^`]+)`)");
  int total = 0, rows = 0;
  for (std::sregex_iterator r(section.begin(), section.end(), row), none; r != none; ++r, ++rows) {
    const std::string files = (*r)[1];
    std::string stem;
    int lines = 0;
    for (std::sregex_iterator f(files.begin(), files.end(), name); f != none; ++f) {
      std::string file = (*f)[1];
      if (file.front() == '.') file = stem + file;  // `x.h`, `.cpp`
      stem = file.substr(0, file.rfind('.'));
      EXPECT_TRUE(fs::exists(root / file)) << file;
      lines += lines_of(root / file);
    }
    EXPECT_NEAR(lines, std::stoi((*r)[2]), 10) << files;
    total += lines;
  }
  EXPECT_EQ(rows, 5);
  EXPECT_LE(total, 1100);
}

}  // namespace
}  // namespace kelvin
