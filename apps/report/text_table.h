// A plain-text table: columns aligned, text to the left, numbers to the right. Widths count UTF-8 characters.
//
// A table that is wider than the terminal is folded: first its headers break into lines, then the cells of its widest column of text, and
// last its columns are laid out in several tables below each other, each with the first column. Nothing is left out.
#pragma once

#include <string>
#include <vector>

#include "apps/report/terminal.h"

namespace kelvin {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row);  // makes the texts printable
  // Ends with a line end. `columns`: the width to fold to; kUnfolded: as wide as it is.
  [[nodiscard]] std::string str(std::size_t columns = terminal_columns()) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first one is the header
};

}  // namespace kelvin
