// The table as text, CSV, JSON and a few sentences.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/report/text_table.h"
#include "apps/sweep/table.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

constexpr double kSignificant = 0.05;    // of the adjusted p
constexpr double kNoticeableGap = 0.02;  // a masking gap worth a sentence

std::string printed(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

const char* name_of(CellFigures::Status s) {
  switch (s) {
    case CellFigures::Status::done: return "done";
    case CellFigures::Status::diverged: return "diverged";
    case CellFigures::Status::failed: return "failed";
    case CellFigures::Status::missing: return "missing";
  }
  return "?";
}

// "", "diverged", "diverged 1 of 3"
std::string status_of(const SweepRow& row) {
  std::string text;
  for (const auto s : {CellFigures::Status::diverged, CellFigures::Status::failed, CellFigures::Status::missing}) {
    const auto n =
        std::count_if(row.cells.begin(), row.cells.end(), [&](const CellFigures& c) { return c.status == s; });
    if (n == 0) continue;
    text += str(text.empty() ? "" : ", ", name_of(s));
    if (n < static_cast<std::ptrdiff_t>(row.cells.size())) text += str(" ", n, " of ", row.cells.size());
  }
  return text;
}

// A number with that many significant digits; large numbers in full: 1440, not 1.44e+03.
std::string significant(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*e", digits - 1, value);
  const double rounded = std::strtod(text, nullptr);
  return std::abs(rounded) >= 1 && std::abs(rounded) < 1e9 ? printed("%.9g", rounded) : printed("%g", rounded);
}

std::string shown(const SweepColumn& column, const MeanDeviation& m) {
  const auto text_of_one = [&](double value, int digits) {
    return column.is_percent ? printed("%.1f", 100 * value) : significant(value, digits);
  };
  return text_of_one(m.mean, 3) + (m.n > 1 ? " ± " + text_of_one(m.deviation, 2) : "");
}

Json finite(double v) { return std::isfinite(v) ? Json(v) : Json(); }

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

}  // namespace

std::string text_of(const SweepTable& t) {
  std::vector<std::string> header = {"run"};
  bool has_status = false, has_star = false;
  for (const SweepRow& row : t.rows) has_status = has_status || !status_of(row).empty();
  if (has_status) header.emplace_back("state");
  for (const SweepColumn& c : t.columns) header.emplace_back(c.title);
  TextTable table(header);
  for (const SweepRow& row : t.rows) {
    std::vector<std::string> line = {row.label + (row.is_baseline ? " (baseline)" : "")};
    if (has_status) line.push_back(status_of(row).empty() ? "done" : status_of(row));
    for (const SweepColumn& c : t.columns) {
      const auto figure = row.figures.find(c.key);
      std::string cell = figure == row.figures.end() ? "–" : shown(c, figure->second);
      const auto test = row.comparisons.find(c.key);
      if (test != row.comparisons.end() && test->second.p_holm < kSignificant) {
        cell += " *";
        has_star = true;
      }
      line.push_back(cell);
    }
    table.add(line);
  }
  std::string text = table.str();
  if (has_star)
    text +=
        "* differs from its baseline on the same images: McNemar's test, p < 0.05 after Holm's correction for the "
        "column\n";
  for (const SweepRow& row : t.rows)
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      if (!row.cells[i].detail.empty())
        text += printable(str(row.label, ", seed ", row.seeds[i], ": ", name_of(row.cells[i].status), " ",
                              row.cells[i].detail)) +
                "\n";
  return text;
}

std::string csv_of(const SweepTable& t) {
  std::string text;
  for (const std::string& axis : t.axes) text += str(quoted(axis), ",");
  text += "logit_scale,cells,done,diverged,failed";
  for (const SweepColumn& c : t.columns)
    text += str(",", c.key, "_mean,", c.key, "_std,", c.key, "_n,", c.key, "_p,", c.key, "_p_holm");
  text += "\n";
  for (const SweepRow& row : t.rows) {
    for (const std::string& value : row.values) text += str(quoted(value), ",");
    const auto count = [&](CellFigures::Status s) {
      return std::count_if(row.cells.begin(), row.cells.end(), [&](const CellFigures& c) { return c.status == s; });
    };
    text += str(row.logit_scale, ",", row.cells.size(), ",", count(CellFigures::Status::done), ",",
                count(CellFigures::Status::diverged), ",", count(CellFigures::Status::failed));
    for (const SweepColumn& c : t.columns) {
      const auto figure = row.figures.find(c.key);
      const auto test = row.comparisons.find(c.key);
      text += ",";
      if (figure != row.figures.end()) {
        const MeanDeviation& m = figure->second;
        text += str(printed("%.6g", m.mean), ",", m.n > 1 ? printed("%.6g", m.deviation) : "", ",", m.n);
      } else {
        text += ",,0";
      }
      text += test != row.comparisons.end()
                  ? str(",", printed("%.4g", test->second.p), ",", printed("%.4g", test->second.p_holm))
                  : ",,";
    }
    text += "\n";
  }
  return text;
}

Json to_json(const SweepTable& t) {
  Json json = {
      {"title", t.title}, {"axes", t.axes}, {"columns", Json::array()}, {"rows", Json::array()}, {"gap_to", t.gap_to}};
  for (const SweepColumn& c : t.columns)
    json["columns"].push_back({{"key", c.key}, {"title", c.title}, {"is_percent", c.is_percent}});
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
      Json values = Json::object();
      for (const auto& [key, value] : row.cells[i].values) values[key] = finite(value);
      line["cells"].push_back({{"seed", row.seeds[i]},
                               {"status", name_of(row.cells[i].status)},
                               {"detail", row.cells[i].detail},
                               {"values", values}});
    }
    for (const auto& [key, m] : row.figures) {
      line["figures"][key] = {{"mean", finite(m.mean)}, {"std", finite(m.deviation)}, {"n", m.n}};
      const auto test = row.comparisons.find(key);
      if (test == row.comparisons.end()) continue;
      const Comparison& c = test->second;
      line["figures"][key].update(
          {{"p", c.p}, {"p_holm", c.p_holm}, {"wins", c.wins}, {"losses", c.losses}, {"p_of_seed", c.p_of_seed}});
    }
    json["rows"].push_back(line);
  }
  json["reading"] = reading_of(t);
  return json;
}

std::string reading_of(const SweepTable& t) {
  const SweepRow *widest = nullptr, *best = nullptr;
  int diverged = 0, failed = 0, cells = 0;
  const auto mean = [](const SweepRow& row, const char* key) {
    const auto f = row.figures.find(key);
    return f == row.figures.end() ? std::nan("") : f->second.mean;
  };
  for (const SweepRow& row : t.rows) {
    const double gap = mean(row, "masking_gap"), clean = mean(row, "clean");
    if (std::isfinite(gap) && (widest == nullptr || gap > mean(*widest, "masking_gap"))) widest = &row;
    if (std::isfinite(clean) && (best == nullptr || clean > mean(*best, "clean"))) best = &row;
    if (row.logit_scale != 1) continue;
    for (const CellFigures& c : row.cells) {
      ++cells;
      diverged += c.status == CellFigures::Status::diverged ? 1 : 0;
      failed += c.status == CellFigures::Status::failed ? 1 : 0;
    }
  }
  std::string text;
  if (best != nullptr)
    text += str("Best clean accuracy: ", printed("%.1f", 100 * mean(*best, "clean")), " % (", best->label, "). ");
  const std::string gap = t.gap_to == "worst case" ? "masking gap" : "gap between cross-entropy and the sound minimum";
  const double unseen = widest == nullptr ? 0 : mean(*widest, "zero_gradient_fraction");
  if (widest != nullptr && mean(*widest, "masking_gap") > kNoticeableGap) {
    text += str("Widest ", gap, ": ", printed("%.1f", 100 * mean(*widest, "masking_gap")), " points (", widest->label,
                "): on the same images fewer survive the ", t.gap_to, " than PGD on cross-entropy at attack tau 1. ");
    if (unseen > 0)
      text += str(printed("%.1f", 100 * unseen), " % of the correct images there had a gradient of exactly zero: ",
                  "on those the first attack did not run. ");
    else
      text += "No gradient there was exactly zero: the stronger attack is stronger, nothing was hidden. ";
  }
  if (widest != nullptr && mean(*widest, "masking_gap") <= kNoticeableGap)
    text += str("No ", gap, " above 2 points: the losses agree in these runs, as far as these attacks can tell. ");
  if (std::find(t.axes.begin(), t.axes.end(), "lr") != t.axes.end() && best != nullptr) {
    const auto low = std::count_if(t.rows.begin(), t.rows.end(),
                                   [&](const SweepRow& row) { return mean(row, "clean") < mean(*best, "clean") / 2; });
    text += str(low, " of ", t.rows.size(), " settings reach less than half of it. ");
  }
  if (diverged > 0) text += str(diverged, " of ", cells, " trainings diverged. ");
  if (failed > 0) text += str(failed, " of ", cells, " cells failed. ");
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace kelvin
