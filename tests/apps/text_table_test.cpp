// Tables and sentences for a terminal of any width: nothing is wider, and nothing is lost.
#include "apps/report/text_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

namespace kelvin {
namespace {

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, width_of(line));
  return widest;
}

TextTable wide_table() {
  TextTable table({"τ", "PGD attack τ=train τ %", "median margin of all images", "verdict"});
  table.add({"0.1", "27.6", "0.29", "no sign"});
  table.add({"100", "18.0", "267", "masked, and a long explanation of what that means"});
  return table;
}

TEST(TextTable, AWideTerminalShowsEachRowOnALine) {
  EXPECT_EQ(
      wide_table().str(kUnfolded),
      "  τ  PGD attack τ=train τ %  median margin of all images  verdict\n"
      "---  ----------------------  ---------------------------  -------------------------------------------------\n"
      "0.1                    27.6                         0.29  no sign\n"
      "100                    18.0                          267  masked, and a long explanation of what that means\n");
}

TEST(TextTable, HeadersFoldFirstThenTextThenColumns) {
  EXPECT_EQ(wide_table().str(78),
            "         PGD  median\n"
            "      attack  margin\n"
            "     τ=train  of all\n"
            "  τ      τ %  images  verdict\n"
            "---  -------  ------  -------------------------------------------------\n"
            "0.1     27.6    0.29  no sign\n"
            "100     18.0     267  masked, and a long explanation of what that means\n");
  EXPECT_THAT(wide_table().str(50), ::testing::HasSubstr("100     18.0     267  masked, and a long\n"
                                                         "                      explanation of what that\n"
                                                         "                      means\n"));
  EXPECT_THAT(wide_table().str(30), ::testing::HasSubstr("0.1     27.6    0.29\n"
                                                         "100     18.0     267\n"
                                                         "\n"
                                                         "  τ  verdict\n"
                                                         "---  -------------------------\n"
                                                         "0.1  no sign\n"
                                                         "100  masked, and a long\n"));
}

TEST(TextTable, NoLineIsWiderAndNoCellIsLost) {
  TextTable table({"run", "clean %", "corrupted %", "PGD CE, attack τ = 1 %", "zero gradient %", "median margin"});
  for (int i = 0; i < 3; ++i)
    table.add({"τ = " + std::to_string(i), "8" + std::to_string(i) + ".5", "61.1", "40.8 ± 2.3", "0.0", "0.29"});
  for (std::size_t columns = 24; columns < 120; ++columns) {
    const std::string text = table.str(columns);
    EXPECT_LE(widest_line(text), columns) << text;
    for (const char* cell : {"81.5", "61.1", "40.8 ± 2.3", "0.29", "corrupted", "margin"})
      EXPECT_THAT(text, ::testing::HasSubstr(cell)) << columns;
  }
  EXPECT_THAT(table.str(30), ::testing::HasSubstr("\n\n"));  // several tables, each with the first column
  EXPECT_EQ(table.str(kUnfolded).find("\n\n"), std::string::npos);
}

TEST(Terminal, LongLinesBreakAtSpacesAndPathsStayWhole) {
  EXPECT_EQ(folded("short\n", 40), "short\n");
  EXPECT_EQ(folded("  aaa bbb ccc\nx", 9), "  aaa bbb\n    ccc\nx");
  const std::string path = "/a/path/that/is/longer/than/the/line/is/wide/and/more";
  EXPECT_EQ(folded("Report: " + path + "\n", 40), "Report:\n  " + path + "\n");
  EXPECT_EQ(folded("ττττ ττττ", 9), "ττττ ττττ");  // characters, not bytes
  EXPECT_EQ(folded("aaa 85.0 % bbb", 8), "aaa\n  85.0 %\n  bbb");
  EXPECT_EQ(folded("", 9), "");
}

TEST(Terminal, ColumnsComeFromTheEnvironment) {
  const char* old = std::getenv("COLUMNS");
  const std::string kept = old != nullptr ? old : "";
  setenv("COLUMNS", "72", 1);
  EXPECT_EQ(terminal_columns(), 72u);
  setenv("COLUMNS", "3", 1);
  EXPECT_EQ(terminal_columns(), 40u);
  if (old != nullptr)
    setenv("COLUMNS", kept.c_str(), 1);
  else
    unsetenv("COLUMNS");
}

}  // namespace
}  // namespace kelvin
