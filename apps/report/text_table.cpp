#include "apps/report/text_table.h"

#include <algorithm>
#include <numeric>

#include "engine/printable.h"

namespace kelvin {
namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t kGap = 2, kLeastTextColumn = 20;

bool is_number(const std::string& text) {
  return !text.empty() && (text.find_first_of("0123456789") <= 1 || text == "–" || text == "nan");
}

Lines words_of(const std::string& text) {
  Lines words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::size_t longest_word(const std::string& text) {
  std::size_t longest = 0;
  for (const std::string& word : words_of(text)) longest = std::max(longest, width_of(word));
  return longest;
}

// At most `width` wide, except for longer words. A text that fits is one line, as it is.
Lines wrapped(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return {text};
  Lines lines;
  for (const std::string& word : words_of(text)) {
    if (!lines.empty() && width_of(lines.back()) + 1 + width_of(word) <= width)
      lines.back() += " " + word;
    else
      lines.push_back(word);
  }
  return lines;
}

struct Column {
  std::size_t index = 0, width = 0;
  bool is_right = true;  // numbers
};

std::size_t total_of(const std::vector<Column>& columns) {
  const std::size_t gaps = columns.empty() ? 0 : kGap * (columns.size() - 1);
  return std::accumulate(columns.begin(), columns.end(), gaps,
                         [](std::size_t sum, const Column& c) { return sum + c.width; });
}

// One row as lines. The cells of a header stand on its last line, others on their first.
std::string laid_out(const Lines& row, const std::vector<Column>& columns, bool is_header) {
  std::vector<Lines> cells;
  std::size_t height = 1;
  for (const Column& c : columns) {
    cells.push_back(wrapped(row[c.index], c.width));
    height = std::max(height, cells.back().size());
  }
  std::string text;
  for (std::size_t l = 0; l < height; ++l) {
    std::string line;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const std::size_t above = is_header ? height - cells[k].size() : 0;
      const std::string cell = l >= above && l - above < cells[k].size() ? cells[k][l - above] : "";
      const std::string gap(columns[k].width - std::min(columns[k].width, width_of(cell)), ' ');
      line += (k > 0 ? std::string(kGap, ' ') : "") + (columns[k].is_right ? gap + cell : cell + gap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string one_table(const std::vector<Lines>& rows, const std::vector<Column>& columns) {
  std::string text = laid_out(rows.front(), columns, true);
  for (std::size_t k = 0; k < columns.size(); ++k) text += (k > 0 ? "  " : "") + std::string(columns[k].width, '-');
  text += "\n";
  for (std::size_t r = 1; r < rows.size(); ++r) text += laid_out(rows[r], columns, false);
  return text;
}

// Narrows the widest column of text until the columns fit, but to no less than `least`.
void narrow(std::vector<Column>& columns, std::size_t width, std::size_t least) {
  Column& widest = *std::ranges::max_element(columns, {}, [](const Column& c) { return c.is_right ? 0 : c.width; });
  const std::size_t total = total_of(columns);
  if (total > width && !widest.is_right && widest.width >= total - width + least) widest.width -= total - width;
}

// The columns with the first one in each group, as many as fit; one at least.
std::vector<std::vector<Column>> groups_of(const std::vector<Column>& all, std::size_t columns) {
  std::vector<std::vector<Column>> groups(1, {all.front()});
  for (std::size_t k = 1; k < all.size(); ++k) {
    if (groups.back().size() > 1 && total_of(groups.back()) + kGap + all[k].width > columns)
      groups.push_back({all.front()});
    groups.back().push_back(all[k]);
  }
  return groups;
}

}  // namespace

void TextTable::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = printable(cell);
  rows_.push_back(std::move(row));
}

std::string TextTable::str(std::size_t columns) const {
  std::vector<Column> all;
  std::vector<std::size_t> body;  // widths without the header
  for (std::size_t c = 0; c < rows_.front().size(); ++c) {
    all.push_back({.index = c, .width = width_of(rows_.front()[c])});
    body.push_back(0);
    for (std::size_t r = 1; r < rows_.size(); ++r) {
      body[c] = std::max(body[c], width_of(rows_[r][c]));
      if (!is_number(rows_[r][c])) all[c].is_right = false;
    }
    all[c].width = std::max(all[c].width, body[c]);
  }
  if (total_of(all) > columns)
    for (Column& c : all) c.width = std::max(body[c.index], longest_word(rows_.front()[c.index]));
  narrow(all, columns, kLeastTextColumn);
  std::string text;
  for (std::vector<Column>& group : groups_of(all, columns)) {
    narrow(group, columns, 1);
    if (!text.empty()) text += '\n';
    text += one_table(rows_, group);
  }
  return text;
}

}  // namespace kelvin
