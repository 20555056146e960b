#include "apps/sweep/table.h"

#include <algorithm>

#include "apps/sweep/contrasts.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

bool has_column(const std::vector<SweepColumn>& columns, const std::string& key) {
  return std::any_of(columns.begin(), columns.end(), [&](const SweepColumn& c) { return c.key == key; });
}

// The declared columns, or the usual ones, as far as the table has them.
void set_family(SweepTable& t, const Family& declared) {
  t.family = {{}, declared.margin};
  std::vector<std::string> columns = declared.columns;
  if (columns.empty()) {
    columns = {"clean", "corrupted", "pgd_log_odds"};
    if (has_column(t.columns, "worst_case"))
      columns.emplace_back("worst_case");
    else if (has_column(t.columns, "cw"))  // else it is log-odds alone
      columns.emplace_back("sound");
    std::erase_if(columns, [&](const std::string& key) { return !has_column(t.columns, key); });
  }
  for (const std::string& key : columns) (has_column(t.columns, key) ? t.family.columns : t.unmeasured).push_back(key);
}

}  // namespace

void check_family(const std::vector<std::string>& columns) {
  for (const std::string& key : columns) {
    if (!has_column(sweep_columns(), key))
      throw mistake("family"_field, " ", key, " is unknown; known: ", listed(sweep_columns(), &SweepColumn::key));
    if (std::count(columns.begin(), columns.end(), key) > 1)
      throw mistake("family"_field, " ", listed(columns), ": ", key, " stands there twice");
  }
}

const SweepColumn& column_of(const SweepTable& t, const std::string& key) {
  return *std::find_if(t.columns.begin(), t.columns.end(), [&](const SweepColumn& c) { return c.key == key; });
}

SweepTable make_table(const std::string& title, const std::vector<Axis>& axes, const std::vector<Cell>& cells,
                      const std::filesystem::path& out, const std::optional<Baseline>& baseline, const Family& family) {
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
  if (!has_column(t.columns, "worst_case") && has_column(t.columns, "attack_gap")) {
    t.gap_to = "sound minimum";
    for (SweepColumn& column : t.columns)
      if (column.key == std::string("attack_gap")) column.title = "CE − sound min";
  }
  set_family(t, family);
  if (baseline) compare_with_baseline(t, *baseline);
  return t;
}

}  // namespace kelvin
