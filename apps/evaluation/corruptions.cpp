#include "apps/evaluation/corruptions.h"

#include <algorithm>
#include <cmath>

#include "apps/evaluation/evaluate.h"
#include "data/corruptions.h"

namespace kelvin {
namespace {

std::vector<bool> is_correct(const Predictions& p) {
  std::vector<bool> correct;
  for (std::size_t i = 0; i < static_cast<std::size_t>(p.count); ++i) {
    const float* const z = p.logits.data() + i * static_cast<std::size_t>(p.classes);
    correct.push_back(std::max_element(z, z + p.classes) - z == p.labels[i]);
  }
  return correct;
}

CorruptionRow evaluate_row(Model& model, Model* baseline, const ImageSet& images, CorruptionRow row,
                           std::int64_t batch_size) {
  const std::vector<bool> right = is_correct(predict(model, images, batch_size));
  const auto n = static_cast<double>(right.size());
  row.accuracy = static_cast<double>(std::count(right.begin(), right.end(), true)) / n;
  if (baseline == nullptr) return row;
  const std::vector<bool> other = is_correct(predict(*baseline, images, batch_size));
  Paired paired;
  paired.baseline_accuracy = static_cast<double>(std::count(other.begin(), other.end(), true)) / n;
  for (std::size_t i = 0; i < right.size(); ++i) {
    paired.only_model += right[i] && !other[i];
    paired.only_baseline += !right[i] && other[i];
  }
  row.paired = paired;
  return row;
}

// The mean over corruptions of (sum of errors − rows · own clean error) / (the same of the baseline).
std::optional<double> mean_ratio(const std::vector<CorruptionRow>& rows, double clean_error,
                                 double baseline_clean_error) {
  double sum = 0;
  int corruptions = 0;
  for (std::size_t i = 0; i < rows.size();) {
    double above = 0, below = 0;
    const std::string& name = rows[i].corruption;
    for (; i < rows.size() && rows[i].corruption == name; ++i) {
      if (!rows[i].paired) return std::nullopt;
      above += 1 - rows[i].accuracy - clean_error;
      below += 1 - rows[i].paired->baseline_accuracy - baseline_clean_error;
    }
    if (below == 0) continue;
    sum += above / below;
    ++corruptions;
  }
  if (corruptions == 0) return std::nullopt;
  return sum / corruptions;
}

}  // namespace

double Paired::p_value() const {
  const auto n = static_cast<double>(only_model + only_baseline);
  const std::int64_t fewer = std::min(only_model, only_baseline);
  double tail = 0;  // P(at most `fewer` of n), each side with probability 1/2
  for (std::int64_t k = 0; k <= fewer; ++k) {
    const auto x = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) - n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

double CorruptionTable::mean_accuracy() const {
  double sum = 0;
  for (const CorruptionRow& row : rows) sum += row.accuracy;
  return rows.empty() ? 0 : sum / static_cast<double>(rows.size());
}

std::optional<double> CorruptionTable::mce() const { return mean_ratio(rows, 0, 0); }

std::optional<double> CorruptionTable::relative_mce(double clean_accuracy, double baseline_clean_accuracy) const {
  return mean_ratio(rows, 1 - clean_accuracy, 1 - baseline_clean_accuracy);
}

CorruptionTable corruption_accuracy(Model& model, Model* baseline, const CorruptedImages& images_of,
                                    const std::vector<std::string>& names, const std::vector<int>& severities,
                                    std::int64_t batch_size, const CorruptionHooks& hooks) {
  CorruptionTable table;
  for (const std::string& name : names)
    for (const int severity : severities) {
      const ImageSet images = images_of(name, severity);
      const CorruptionRow row{name, severity, 0, {}};
      table.n = images.count;
      if (hooks.on_images) hooks.on_images(row, images);
      table.rows.push_back(evaluate_row(model, baseline, images, row, batch_size));
      if (hooks.progress) hooks.progress(table.rows.size(), names.size() * severities.size());
    }
  return table;
}

CorruptedImages generated_corruptions(const ImageSet& clean, std::uint64_t seed) {
  return [&clean, seed](const std::string& name, int severity) { return corrupt(clean, name, severity, seed); };
}

}  // namespace kelvin
