#include "apps/sweep/table.h"

#include <algorithm>
#include <cmath>

namespace kelvin {
namespace {

bool is_compared(const SweepRow& row, const SweepRow& baseline, const std::string& key) {
  return row.figures.contains(key) && baseline.figures.contains(key);
}

// Seeds that both rows have, image by image; nothing when no seed can be paired.
std::optional<Comparison> compared(const SweepRow& row, const SweepRow& baseline, const std::string& key) {
  Comparison c;
  std::vector<double> differences;
  const bool is_single = key != "corrupted";
  bool is_paired = false;
  for (std::size_t s = 0; s < row.cells.size() && s < baseline.cells.size(); ++s) {
    const auto a = row.cells[s].images.find(key), b = baseline.cells[s].images.find(key);
    if (a == row.cells[s].images.end() || b == baseline.cells[s].images.end()) continue;
    if (a->second.size() != b->second.size()) continue;
    is_paired = true;
    differences.resize(a->second.size());
    std::int64_t wins = 0, losses = 0;
    for (std::size_t i = 0; i < a->second.size(); ++i) {
      const double d = a->second[i] - b->second[i];
      differences[i] += d;
      (d > 0 ? wins : losses) += static_cast<std::int64_t>(std::abs(d));
    }
    c.wins += wins;
    c.losses += losses;
    if (is_single) c.p_of_seed.push_back(mcnemar_mid_p(wins, losses));
  }
  if (!is_paired) return std::nullopt;
  // One seed and one pair per image: the exact test. Otherwise the pairs of an image are clustered.
  c.p = is_single && c.p_of_seed.size() == 1 ? c.p_of_seed[0] : clustered_mcnemar_p(differences);
  return c;
}

const SweepRow* find_row(const SweepTable& t, const std::vector<std::string>& values, double logit_scale) {
  for (const SweepRow& row : t.rows)
    if (row.values == values && row.logit_scale == logit_scale) return &row;
  return nullptr;
}

void compare_with_baseline(SweepTable& t, const Baseline& baseline) {
  const auto axis = std::find(t.axes.begin(), t.axes.end(), baseline.axis);
  if (axis == t.axes.end()) return;
  const auto position = static_cast<std::size_t>(axis - t.axes.begin());
  for (SweepRow& row : t.rows) {
    std::vector<std::string> values = row.values;
    values[position] = baseline.value;
    const SweepRow* const other = find_row(t, values, 1);
    if (other == nullptr) continue;
    row.is_baseline = other == &row;
    if (row.is_baseline) continue;
    row.baseline = other->label;
    for (const SweepColumn& column : t.columns)
      if (is_compared(row, *other, column.key))
        if (const auto c = compared(row, *other, column.key)) row.comparisons[column.key] = *c;
  }
  for (const SweepColumn& column : t.columns) {
    std::vector<Comparison*> list;
    std::vector<double> p;
    for (SweepRow& row : t.rows)
      if (const auto c = row.comparisons.find(column.key); c != row.comparisons.end()) {
        list.push_back(&c->second);
        p.push_back(c->second.p);
      }
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < list.size(); ++i) list[i]->p_holm = adjusted[i];
  }
}

}  // namespace

SweepTable make_table(const std::string& title, const std::vector<Axis>& axes, const std::vector<Cell>& cells,
                      const std::filesystem::path& out, const std::optional<Baseline>& baseline) {
  SweepTable t;
  t.title = title;
  for (const Axis& axis : axes) t.axes.push_back(axis.name);
  for (const Cell& cell : cells) {
    std::vector<double> scales = {1};
    scales.insert(scales.end(), cell.logit_scales.begin(), cell.logit_scales.end());
    for (const double scale : scales) {
      auto row = std::find_if(t.rows.begin(), t.rows.end(),
                              [&](const SweepRow& r) { return r.group == cell.group && r.logit_scale == scale; });
      if (row == t.rows.end()) {
        SweepRow fresh;
        fresh.label = scale != 1 ? str(cell.label, ", logits × ", scale) : cell.label;
        fresh.group = cell.group;
        fresh.values = cell.values;
        fresh.logit_scale = scale;
        t.rows.push_back(std::move(fresh));
        row = t.rows.end() - 1;
      }
      row->seeds.push_back(cell.seed);
      row->cells.push_back(read_figures({out / cell.name}, scale));
    }
  }
  for (const SweepColumn& column : sweep_columns()) {
    bool is_there = false;
    for (SweepRow& row : t.rows) {
      std::vector<double> values;
      for (const CellFigures& cell : row.cells)
        if (const auto v = cell.values.find(column.key); v != cell.values.end()) values.push_back(v->second);
      if (!values.empty()) row.figures[column.key] = mean_deviation(values);
      is_there = is_there || !values.empty();
    }
    if (is_there) t.columns.push_back(column);
  }
  const auto has = [&](const char* key) {
    return std::any_of(t.columns.begin(), t.columns.end(),
                       [&](const SweepColumn& c) { return c.key == std::string(key); });
  };
  if (!has("worst_case") && has("masking_gap")) {
    t.gap_to = "sound minimum";
    for (SweepColumn& column : t.columns)
      if (column.key == std::string("masking_gap")) column.title = "CE − sound min";
  }
  if (baseline) compare_with_baseline(t, *baseline);
  return t;
}

}  // namespace kelvin
