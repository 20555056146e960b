// The table in a few sentences. What is said of the settings is what was decided over seeds; the rest describes these runs.
#include <algorithm>
#include <cmath>

#include "apps/sweep/contrasts.h"
#include "apps/sweep/table_format.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr double kNoticeableGap = 0.02;  // an attack gap worth a sentence
constexpr std::size_t kMostNamed = 8;    // contrasts of one kind; the table has all

double mean_figure(const SweepRow& row, const std::string& key) {
  const auto f = row.figures.find(key);
  return f == row.figures.end() ? std::nan("") : f->second.mean;
}

const SweepRow* highest(const SweepTable& t, const std::string& key) {
  const SweepRow* best = nullptr;
  for (const SweepRow& row : t.rows)
    if (std::isfinite(mean_figure(row, key)) && (best == nullptr || mean_figure(row, key) > mean_figure(*best, key)))
      best = &row;
  return best;
}

std::string about_gap(const SweepTable& t) {
  const SweepRow* const widest = highest(t, "attack_gap");
  if (widest == nullptr) return "";
  const double gap = mean_figure(*widest, "attack_gap"), unseen = mean_figure(*widest, "zero_gradient_fraction");
  const std::string name = t.gap_to == "worst case" ? "attack gap" : "gap between cross-entropy and the sound minimum";
  if (gap <= kNoticeableGap)
    return str("No ", name, " above 2 points: the losses agree in these runs, as far as these attacks can tell. ");
  std::string text =
      str("Widest ", name, ": ", printed("%.1f", 100 * gap), " points (", widest->label,
          "): on the same images fewer survive the ", t.gap_to, " than PGD on cross-entropy at attack tau 1. ");
  if (unseen > 0)
    text += str(printed("%.1f", 100 * unseen), " % of the correct images there had a gradient of exactly zero: ",
                "on those the first attack did not run. ");
  else if (unseen == 0)
    text += "No gradient there was exactly zero: the first attack ran, and is the weaker one. ";
  return text;
}

std::string about_differences(const SweepTable& t) {
  const std::vector<Contrast> contrasts = contrasts_of(t);
  if (contrasts.empty()) {
    const auto any_row = [&](const auto& is_so) { return std::any_of(t.rows.begin(), t.rows.end(), is_so); };
    const bool is_single = any_row([](const SweepRow& row) { return !row.baseline.empty(); }) &&
                           !any_row([](const SweepRow& row) { return !row.differences.empty(); });
    return is_single ? "Without a second seed nothing is decided about other trainings. " : "";
  }
  std::vector<std::string> decided, equivalent;
  std::size_t identical = 0, undecided = 0;
  for (const Contrast& c : contrasts) {
    const std::string name = str(plain_title(*c.column), " (", c.row->label, ")"), &verdict = c.difference->verdict;
    if (verdict.starts_with("differs"))
      decided.push_back(str(name, " ", difference_text(*c.column, c.difference->test.mean)));
    else if (verdict == "equivalent")
      equivalent.push_back(name);
    else
      ++(verdict == "identical" ? identical : undecided);
  }
  const auto some_of = [](const std::vector<std::string>& list) {
    std::string text = listed(std::vector<std::string>(
        list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min(list.size(), kMostNamed))));
    return list.size() > kMostNamed ? str(text, " and ", list.size() - kMostNamed, " more") : text;
  };
  std::string text = str("Of ", contrasts.size(), " declared differences from the baseline ",
                         decided.empty() ? "none" : std::to_string(decided.size()), decided.size() < 2 ? " is" : " are",
                         " decided over seeds");
  text += decided.empty() ? ". " : ": " + some_of(decided) + ". ";
  if (!equivalent.empty())
    text += str(equivalent.size(), " equivalent within ", significant_digits(100 * t.family.margin, 3),
                " points: ", some_of(equivalent), ". ");
  if (identical > 0) text += str(identical, " identical on every image. ");
  if (undecided > 0) text += str(undecided, " not decided. ");
  return text;
}

}  // namespace

std::string reading_of(const SweepTable& t) {
  const SweepRow* const best = highest(t, "clean");
  int diverged = 0, failed = 0, not_converged = 0, cells = 0;
  for (const SweepRow& row : t.rows) {
    if (row.logit_scale != 1) continue;
    for (const CellFigures& c : row.cells) {
      ++cells;
      diverged += c.status == CellFigures::Status::diverged ? 1 : 0;
      failed += c.status == CellFigures::Status::failed ? 1 : 0;
      not_converged += c.has_converged ? 0 : 1;
    }
  }
  std::string text = about_differences(t) + about_gap(t);
  if (std::find(t.axes.begin(), t.axes.end(), "lr") != t.axes.end() && best != nullptr) {
    const auto low = std::count_if(t.rows.begin(), t.rows.end(), [&](const SweepRow& row) {
      return mean_figure(row, "clean") < mean_figure(*best, "clean") / 2;
    });
    text += str("Highest mean clean accuracy: ", printed("%.1f", 100 * mean_figure(*best, "clean")), " % (",
                best->label, "); ", low, " of ", t.rows.size(), " settings reach less than half of it. ");
  } else if (best != nullptr) {
    text += str("Highest mean clean accuracy: ", printed("%.1f", 100 * mean_figure(*best, "clean")), " % (",
                best->label, "). ");
  }
  if (diverged > 0) text += str(diverged, " of ", cells, " trainings diverged. ");
  if (not_converged > 0) text += str(not_converged, " of ", cells, " trainings have not converged. ");
  if (failed > 0) text += str(failed, " of ", cells, " cells failed. ");
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace kelvin
