#include "apps/sweep/contrasts.h"

#include <algorithm>
#include <cmath>

namespace kelvin {
namespace {

// The cells of one seed, both with a figure in the column.
struct SeedPair {
  const CellFigures *row, *baseline;
};
std::vector<SeedPair> pairs_of(const SweepRow& row, const SweepRow& baseline, const std::string& key) {
  std::vector<SeedPair> pairs;
  for (std::size_t s = 0; s < row.cells.size() && s < baseline.cells.size(); ++s)
    if (row.seeds[s] == baseline.seeds[s] && row.cells[s].values.contains(key) &&
        baseline.cells[s].values.contains(key))
      pairs.push_back({&row.cells[s], &baseline.cells[s]});
  return pairs;
}

double trials_of(const CellFigures& cell, const std::string& key) {
  const auto trials = cell.trials.find(key);
  return trials == cell.trials.end() ? 1 : trials->second;
}

// Row − baseline on each image, in trials; empty unless both have flags of the same images.
std::vector<double> image_differences(const SeedPair& pair, const std::string& key) {
  const auto a = pair.row->images.find(key), b = pair.baseline->images.find(key);
  if (a == pair.row->images.end() || b == pair.baseline->images.end() || a->second.size() != b->second.size() ||
      trials_of(*pair.row, key) != trials_of(*pair.baseline, key))
    return {};
  std::vector<double> d(a->second.size());
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = a->second[i] - b->second[i];
  return d;
}

// Nothing when no seed can be paired image by image.
std::optional<Comparison> on_same_images(const std::vector<SeedPair>& pairs, const std::string& key) {
  Comparison c;
  std::vector<double> sum;
  bool is_single = true;
  for (const SeedPair& pair : pairs) {
    const std::vector<double> d = image_differences(pair, key);
    if (d.empty()) continue;
    is_single = trials_of(*pair.row, key) == 1;
    sum.resize(d.size());
    std::int64_t wins = 0, losses = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      sum[i] += d[i];
      (d[i] > 0 ? wins : losses) += static_cast<std::int64_t>(std::abs(d[i]));
    }
    c.wins += wins;
    c.losses += losses;
    if (is_single) c.p_of_seed.push_back(mcnemar_mid_p(wins, losses));
  }
  if (sum.empty()) return std::nullopt;
  // One seed and one pair per image: the exact test. Otherwise the pairs of an image are clustered.
  c.p = is_single && c.p_of_seed.size() == 1 ? c.p_of_seed[0] : clustered_mcnemar_p(sum);
  return c;
}

std::optional<SeedDifference> over_seeds(const std::vector<SeedPair>& pairs, const SweepColumn& column, double margin) {
  if (pairs.size() < 2) return std::nullopt;
  std::vector<double> d;
  std::vector<std::vector<double>> images;
  for (const SeedPair& pair : pairs) {
    d.push_back(pair.row->values.at(column.key) - pair.baseline->values.at(column.key));
    std::vector<double> on_images = image_differences(pair, column.key);
    for (double& v : on_images) v /= trials_of(*pair.row, column.key);
    if (on_images.size() >= 2 && (images.empty() || on_images.size() == images[0].size()))
      images.push_back(std::move(on_images));
  }
  SeedDifference r;
  r.test = paired_t(d);
  r.is_crossed = images.size() == pairs.size();
  r.interval = r.is_crossed ? crossed_interval(images) : r.test.interval;
  if (column.is_percent) r.tost = equivalence_p(r.test, margin);
  const bool is_identical = r.is_crossed && std::all_of(images.begin(), images.end(), [](const auto& on_images) {
                              return std::all_of(on_images.begin(), on_images.end(), [](double v) { return v == 0; });
                            });
  if (is_identical) {
    r.tost = 0;
    r.verdict = "identical";
  }
  return r;
}

const char* verdict_of(const SeedDifference& d) {
  const bool differs = *d.p_holm < kSignificant, is_equivalent = d.tost && *d.tost < kSignificant;
  return differs ? (is_equivalent ? "differs, within margin" : "differs")
                 : (is_equivalent ? "equivalent" : "not decided");
}

const SweepRow* find_row(const SweepTable& t, const std::vector<std::string>& values, double logit_scale) {
  for (const SweepRow& row : t.rows)
    if (row.values == values && row.logit_scale == logit_scale) return &row;
  return nullptr;
}

// Holm's correction over the whole list.
template <class T>
void correct(const std::vector<T*>& list, const auto& p_of, const auto& set_adjusted) {
  std::vector<double> p;
  for (const T* c : list) p.push_back(p_of(*c));
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < list.size(); ++i) set_adjusted(*list[i], adjusted[i]);
}

void correct_for_comparisons(SweepTable& t) {
  for (const SweepColumn& column : t.columns) {
    std::vector<Comparison*> list;
    for (SweepRow& row : t.rows)
      if (const auto c = row.comparisons.find(column.key); c != row.comparisons.end()) list.push_back(&c->second);
    correct(
        list, [](const Comparison& c) { return c.p; }, [](Comparison& c, double p) { c.p_holm = p; });
  }
  std::vector<SeedDifference*> family;
  for (SweepRow& row : t.rows)
    for (const std::string& key : t.family.columns)
      if (const auto d = row.differences.find(key); d != row.differences.end()) family.push_back(&d->second);
  correct(
      family, [](const SeedDifference& d) { return d.test.p; },
      [](SeedDifference& d, double p) {
        d.p_holm = p;
        if (d.verdict.empty()) d.verdict = verdict_of(d);
      });
}

}  // namespace

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
    for (const SweepColumn& column : t.columns) {
      const std::vector<SeedPair> pairs = pairs_of(row, *other, column.key);
      if (const auto c = on_same_images(pairs, column.key)) row.comparisons[column.key] = *c;
      if (const auto d = over_seeds(pairs, column, t.family.margin)) row.differences[column.key] = *d;
    }
  }
  correct_for_comparisons(t);
}

std::vector<Contrast> contrasts_of(const SweepTable& t) {
  std::vector<Contrast> list;
  for (const SweepRow& row : t.rows)
    for (const std::string& key : t.family.columns)
      if (const auto d = row.differences.find(key); d != row.differences.end())
        list.push_back({&row, &column_of(t, key), &d->second});
  return list;
}

}  // namespace kelvin
