// The table as CSV and JSON.
#include <algorithm>
#include <cmath>

#include "apps/sweep/contrasts.h"
#include "apps/sweep/table_format.h"

namespace kelvin {
namespace {

Json finite(double v) { return std::isfinite(v) ? Json(v) : Json(); }
Json finite(const std::optional<double>& v) { return v ? finite(*v) : Json(); }

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
  return out;
}

// The keys of the columns, and at the end those that have a former one under it.
std::vector<std::pair<std::string, std::string>> names_and_keys(const SweepTable& t) {
  std::vector<std::pair<std::string, std::string>> names;
  for (const SweepColumn& c : t.columns) names.emplace_back(c.key, c.key);
  for (const SweepColumn& c : t.columns)
    if (*c.old_key != '\0') names.emplace_back(c.old_key, c.key);
  return names;
}

std::string numbers(const char* format, std::initializer_list<double> values) {
  std::string text;
  for (const double v : values) text += str(",", std::isfinite(v) ? printed(format, v) : "");
  return text;
}

constexpr const char* kDifferenceFields[] = {"diff",   "diff_low", "diff_high",    "t",      "df",     "t_low",
                                             "t_high", "p_seeds",  "p_seeds_holm", "p_tost", "verdict"};

std::string csv_of_difference(const SweepRow& row, const std::string& key) {
  const auto found = row.differences.find(key);
  if (found == row.differences.end()) return std::string(std::size(kDifferenceFields), ',');
  const SeedDifference& d = found->second;
  return numbers("%.6g", {d.test.mean, d.interval.low, d.interval.high, d.test.t, d.test.df, d.test.interval.low,
                          d.test.interval.high}) +
         numbers("%.4g", {d.test.p, d.p_holm.value_or(NAN), d.tost.value_or(NAN)}) + "," + quoted(d.verdict);
}

Json json_of(const SeedDifference& d) {
  return {{"difference", d.test.mean},
          {"interval", {d.interval.low, d.interval.high}},
          {"interval_over", d.is_crossed ? "seeds and images" : "seeds"},
          {"t", finite(d.test.t)},
          {"df", d.test.df},
          {"p", d.test.p},
          {"interval_t", {d.test.interval.low, d.test.interval.high}},
          {"p_tost", finite(d.tost)},
          {"p_holm", finite(d.p_holm)},
          {"verdict", d.verdict}};
}

Json json_of(const MeanDeviation& m, const SweepRow& row, const std::string& key) {
  Json figure = {{"mean", finite(m.mean)}, {"std", finite(m.deviation)}, {"n", m.n}};
  if (const auto test = row.comparisons.find(key); test != row.comparisons.end()) {
    const Comparison& c = test->second;
    figure.update(
        {{"p", c.p}, {"p_holm", c.p_holm}, {"wins", c.wins}, {"losses", c.losses}, {"p_of_seed", c.p_of_seed}});
  }
  if (const auto d = row.differences.find(key); d != row.differences.end()) figure["over_seeds"] = json_of(d->second);
  return figure;
}

}  // namespace

std::string csv_of(const SweepTable& t) {
  std::string text;
  for (const std::string& axis : t.axes) text += str(quoted(axis), ",");
  text += "logit_scale,cells,done,not_converged,diverged,failed";
  const auto names = names_and_keys(t);
  for (const auto& [name, key] : names) {
    text += str(",", name, "_mean,", name, "_std,", name, "_n,", name, "_p,", name, "_p_holm");
    for (const char* field : kDifferenceFields) text += str(",", name, "_", field);
  }
  text += "\n";
  for (const SweepRow& row : t.rows) {
    for (const std::string& value : row.values) text += str(quoted(value), ",");
    const auto count = [&](CellFigures::Status s) {
      return std::count_if(row.cells.begin(), row.cells.end(), [&](const CellFigures& c) { return c.status == s; });
    };
    text += str(row.logit_scale, ",", row.cells.size(), ",", count(CellFigures::Status::done), ",",
                std::ranges::count(row.cells, false, &CellFigures::has_converged), ",",
                count(CellFigures::Status::diverged), ",", count(CellFigures::Status::failed));
    for (const auto& [name, key] : names) {
      const auto figure = row.figures.find(key);
      const auto test = row.comparisons.find(key);
      const MeanDeviation m = figure == row.figures.end() ? MeanDeviation{NAN, NAN, 0} : figure->second;
      text += numbers("%.6g", {m.mean, m.deviation}) + str(",", m.n);
      text += test == row.comparisons.end() ? ",," : numbers("%.4g", {test->second.p, test->second.p_holm});
      text += csv_of_difference(row, key);
    }
    text += "\n";
  }
  return text;
}

std::string cells_csv_of(const SweepTable& t) {
  std::string text;
  for (const std::string& axis : t.axes) text += str(quoted(axis), ",");
  text += "seed,logit_scale,status";
  const auto names = names_and_keys(t);
  for (const auto& [name, key] : names) text += "," + name;
  text += "\n";
  for (const SweepRow& row : t.rows)
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      for (const std::string& value : row.values) text += str(quoted(value), ",");
      text += str(row.seeds[i], ",", row.logit_scale, ",", state_of(row.cells[i]));
      for (const auto& [name, key] : names) {
        const auto v = row.cells[i].values.find(key);
        text += numbers("%.10g", {v == row.cells[i].values.end() ? NAN : v->second});
      }
      text += "\n";
    }
  return text;
}

Json to_json(const SweepTable& t) {
  Json json = {{"title", t.title},
               {"axes", t.axes},
               {"columns", Json::array()},
               {"rows", Json::array()},
               {"gap_to", t.gap_to},
               {"family",
                {{"columns", t.family.columns},
                 {"unmeasured", t.unmeasured},
                 {"contrasts", contrasts_of(t).size()},
                 {"margin", t.family.margin}}}};
  for (const SweepColumn& c : t.columns) {
    json["columns"].push_back({{"key", c.key}, {"title", c.title}, {"is_percent", c.is_percent}});
    if (*c.old_key != '\0') json["columns"].back()["old_key"] = c.old_key;
  }
  const auto names = names_and_keys(t);
  for (const SweepRow& row : t.rows) {
    Json line = {{"label", row.label},
                 {"group", row.group},
                 {"values", row.values},
                 {"logit_scale", row.logit_scale},
                 {"is_baseline", row.is_baseline},
                 {"baseline", row.baseline},
                 {"cells", Json::array()},
                 {"figures", Json::object()}};
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const CellFigures& cell = row.cells[i];
      Json values = Json::object();
      for (const auto& [name, key] : names)
        if (const auto v = cell.values.find(key); v != cell.values.end()) values[name] = finite(v->second);
      line["cells"].push_back({{"seed", row.seeds[i]},
                               {"status", name_of(cell.status)},
                               {"has_converged", cell.has_converged},
                               {"detail", cell.detail},
                               {"attacked", cell.attacked},
                               {"values", values}});
    }
    for (const auto& [name, key] : names)
      if (const auto m = row.figures.find(key); m != row.figures.end())
        line["figures"][name] = json_of(m->second, row, key);
    json["rows"].push_back(line);
  }
  json["reading"] = reading_of(t);
  return json;
}

}  // namespace kelvin
