// A plain-text table: columns aligned, text to the left, numbers to the right. Widths count UTF-8 characters.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row);  // makes the texts printable
  [[nodiscard]] std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace kelvin
