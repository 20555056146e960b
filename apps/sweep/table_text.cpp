// The table for a terminal: rows and columns, what its signs mean, and the declared differences from the baseline.
#include <algorithm>
#include <array>
#include <cmath>

#include "apps/report/text_table.h"
#include "apps/sweep/contrasts.h"
#include "apps/sweep/table_format.h"
#include "engine/printable.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr std::size_t kLegendColumns = 120;  // sentences below a table, also where the table is not folded

// "", "diverged", "not converged 1 of 3"
std::string status_of(const SweepRow& row) {
  std::string text;
  for (const char* const state : {"not converged", "diverged", "failed", "missing"}) {
    const auto n =
        std::ranges::count_if(row.cells, [&](const CellFigures& c) { return std::string(state_of(c)) == state; });
    if (n == 0) continue;
    text += str(text.empty() ? "" : ", ", state);
    if (n < static_cast<std::ptrdiff_t>(row.cells.size())) text += str(" ", n, " of ", row.cells.size());
  }
  return text;
}

bool has_star(const SweepRow& row, const std::string& key) {
  const auto d = row.differences.find(key);
  return d != row.differences.end() && d->second.p_holm && *d->second.p_holm < kSignificant;
}
bool has_dagger(const SweepRow& row, const std::string& key) {
  const auto c = row.comparisons.find(key);
  return c != row.comparisons.end() && c->second.p_holm < kSignificant;
}

std::string shown(const SweepRow& row, const SweepColumn& column) {
  const auto figure = row.figures.find(column.key);
  if (figure == row.figures.end()) return "–";
  const MeanDeviation& m = figure->second;
  std::string text = figure_text(column, m.mean);
  if (m.n > 1) text += " ± " + figure_text(column, m.deviation, 2);
  const std::string signs = str(has_star(row, column.key) ? "*" : "", has_dagger(row, column.key) ? "†" : "");
  return signs.empty() ? text : text + " " + signs;
}

std::string in_words(std::size_t n) {
  constexpr std::array words = {"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
  return n < words.size() ? words[n] : std::to_string(n);
}

// "three", or "two to three" where rows differ; `counts` is not empty.
std::string range_of(const std::vector<std::size_t>& counts, const auto& text_of_one) {
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return *least == *most ? text_of_one(*most) : str(text_of_one(*least), " to ", text_of_one(*most));
}

std::string legend_of(const SweepTable& t) {
  std::vector<std::size_t> seeds, attacked;
  bool is_starred = false, is_daggered = false, is_compared = false, is_inferred = false;
  for (const SweepRow& row : t.rows) {
    for (const auto& [key, m] : row.figures)
      if (m.n > 1) seeds.push_back(static_cast<std::size_t>(m.n));
    for (const CellFigures& cell : row.cells)
      if (cell.attacked > 0) attacked.push_back(cell.attacked);
    for (const SweepColumn& c : t.columns) {
      is_starred = is_starred || has_star(row, c.key);
      is_daggered = is_daggered || has_dagger(row, c.key);
    }
    is_compared = is_compared || !row.baseline.empty();
    is_inferred = is_inferred || !row.differences.empty();
  }
  std::string text;
  if (!seeds.empty())
    text += "±  sample standard deviation over " + range_of(seeds, in_words) + " seeds (n - 1 in the denominator)\n";
  if (is_starred)
    text +=
        "*  differs from its baseline over seeds: paired t test, p < 0.05 after Holm's correction for the declared "
        "contrasts\n";
  if (is_daggered)
    text +=
        "†  differs from its baseline on the same images: McNemar's test, p < 0.05 after Holm's correction for the "
        "column; it holds for these trained models on other images, and is no evidence about the setting\n";
  if (is_compared && !is_inferred)
    text += "no inference over seeds (two seeds or more are needed): another training may give other differences\n";
  if (!attacked.empty())
    text += str("attacks: of each run the first ", range_of(attacked, [](std::size_t n) { return std::to_string(n); }),
                " images, those that all its attacks have\n");
  const auto has = [&](const std::string& key) {
    return std::any_of(t.columns.begin(), t.columns.end(), [&](const SweepColumn& c) { return c.key == key; });
  };
  if (has("median_margin"))
    text += "median margin: of all images that PGD CE attacked, errors (with a negative margin) included\n";
  if (!t.unmeasured.empty()) text += str("declared, but not measured: ", listed(t.unmeasured), "\n");
  return text;
}

std::string differences_of(const SweepTable& t, std::size_t columns) {
  const std::vector<Contrast> contrasts = contrasts_of(t);
  if (contrasts.empty()) return "";
  TextTable table({"run", "column", "seeds", "difference", "p", "p Holm", "p TOST", "verdict"});
  for (const Contrast& c : contrasts) {
    const SeedDifference& d = *c.difference;
    table.add({c.row->label, plain_title(*c.column), std::to_string(std::lround(d.test.df) + 1),
               str(difference_text(*c.column, d.test.mean), " [", difference_text(*c.column, d.interval.low), ", ",
                   difference_text(*c.column, d.interval.high), "]"),
               p_text(d.test.p), p_text(*d.p_holm), d.tost ? p_text(*d.tost) : "–", d.verdict});
  }
  const std::string text = "\nDifferences from the baseline\n\n" + table.str(columns);
  const std::string legend =
      str("difference: row - baseline, mean over pairs of the same seed, in points for columns in %; [ ]: 95 % "
          "interval for other seeds and other images (crossed bootstrap; other seeds alone where there is no "
          "flag for each image)\n",
          "p: paired t test over seeds, on these images; p Holm: corrected for the ", contrasts.size(),
          " declared contrasts together (", listed(t.family.columns), "); other columns are exploratory\n",
          "p TOST: two one-sided t tests against a margin of ±", significant_digits(100 * t.family.margin, 3),
          " points on these images, each by itself; below 0.05: equivalent\n");
  return text + folded(legend, std::min(columns, kLegendColumns));
}

}  // namespace

std::string text_of(const SweepTable& t, std::size_t columns) {
  std::vector<std::string> header = {"run"};
  bool has_status = false;
  for (const SweepRow& row : t.rows) has_status = has_status || !status_of(row).empty();
  if (has_status) header.emplace_back("state");
  for (const SweepColumn& c : t.columns) header.emplace_back(c.title);
  TextTable table(header);
  for (const SweepRow& row : t.rows) {
    std::vector<std::string> line = {row.label + (row.is_baseline ? " (baseline)" : "")};
    if (has_status) line.push_back(status_of(row).empty() ? "done" : status_of(row));
    for (const SweepColumn& c : t.columns) line.push_back(shown(row, c));
    table.add(line);
  }
  std::string text = table.str(columns) + folded(legend_of(t), std::min(columns, kLegendColumns));
  for (const SweepRow& row : t.rows)
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      if (!row.cells[i].detail.empty())
        text += printable(str(row.label, ", seed ", row.seeds[i], ": ", name_of(row.cells[i].status), " ",
                              row.cells[i].detail)) +
                "\n";
  return text + differences_of(t, columns);
}

}  // namespace kelvin
