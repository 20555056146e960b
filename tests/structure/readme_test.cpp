// The reading list in README: the files exist, have about the stated number of lines, and have at most 1,100 lines together.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

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

std::size_t characters(const std::string& line) {  // of UTF-8
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Lines that are too wide.
std::vector<std::string> wide_lines(const std::string& text) {
  std::vector<std::string> wide;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (characters(line) > (line.starts_with("|") ? 160 : 120)) wide.push_back(line);
  }
  return wide;
}

TEST(Readme, LinesOfMarkdownEndAt120CharactersRowsOfTablesAt160) {
  EXPECT_EQ(wide_lines(std::string(121, 'x') + "\n|" + std::string(159, 'x') + "\n|" + std::string(160, 'x')).size(),
            2u);
  const fs::path root = KELVIN_SOURCE_DIR;
  int files = 0;
  for (const char* folder : {".", "kernels", "engine", "models", "data", "apps", "tests", "tools"})
    for (fs::recursive_directory_iterator at(root / folder), none; at != none; ++at) {
      if (std::string(folder) == "." && at->is_directory()) at.disable_recursion_pending();
      if (at->path().extension() != ".md") continue;
      ++files;
      for (const std::string& line : wide_lines(read(at->path()))) ADD_FAILURE() << at->path() << ": " << line;
    }
  EXPECT_GT(files, 30);
}

TEST(Readme, ALessonIsAPage) {
  const fs::path folder = fs::path(KELVIN_SOURCE_DIR) / "apps/lessons";
  const std::string readme = read(folder / "README.md");
  int lessons = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string(), text = read(entry.path());
    if (!name.starts_with("lesson_")) continue;
    ++lessons;
    EXPECT_LE(lines_of(entry.path()), 80) << name;
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    EXPECT_TRUE(line.starts_with("// Lesson ") && line.ends_with("?")) << name << " begins with a question";
    for (; std::getline(lines, line);) EXPECT_LE(characters(line), 120u) << name << ": " << line;
    EXPECT_EQ(text.find("#include \"kernels/"), std::string::npos) << name << " uses public headers";
    EXPECT_NE(text.find("claim("), std::string::npos) << name << " asserts what it says";
    EXPECT_NE(readme.find("`" + name + "`"), std::string::npos) << name;
  }
  EXPECT_EQ(lessons, 8);
}

// README's program is the first lesson's: each of its lines stands there, in this order.
TEST(Readme, TheProgramIsTheHeartOfTheFirstLesson) {
  const fs::path root = KELVIN_SOURCE_DIR;
  const auto trimmed = [](const std::string& line) {
    const std::size_t first = line.find_first_not_of(' ');
    return first == std::string::npos ? std::string() : line.substr(first);
  };
  std::istringstream readme(read(root / "README.md")), lesson(read(root / "apps/lessons/lesson_1_softmax.cpp"));
  std::string line, of_lesson;
  while (std::getline(readme, line) && line != "```cpp") continue;
  int found = 0;
  for (; std::getline(readme, line) && line != "```"; ++found) {
    if (line.empty()) continue;
    do {
      ASSERT_TRUE(std::getline(lesson, of_lesson)) << "not in the first lesson: " << line;
    } while (trimmed(of_lesson) != trimmed(line));
  }
  EXPECT_GT(found, 10);
}

}  // namespace
}  // namespace kelvin
