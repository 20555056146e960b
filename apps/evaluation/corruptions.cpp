#include "apps/evaluation/corruptions.h"

#include <algorithm>
#include <cmath>

#include "apps/evaluation/evaluate.h"
#include "apps/run/json_output.h"
#include "data/corruptions.h"

namespace kelvin {
namespace {

void evaluate_row(Model& model, Model* baseline, const ImageSet& images, CorruptionRow& row, std::int64_t batch_size) {
  const auto share = [](const std::vector<std::uint8_t>& flags) {
    return static_cast<double>(std::count(flags.begin(), flags.end(), 1)) / static_cast<double>(flags.size());
  };
  row.correct = correct_images(predict(model, images, batch_size));
  row.accuracy = share(row.correct);
  if (baseline == nullptr) return;
  const std::vector<std::uint8_t> other = correct_images(predict(*baseline, images, batch_size));
  Paired paired;
  paired.baseline_accuracy = share(other);
  for (std::size_t i = 0; i < other.size(); ++i) {
    paired.only_model += row.correct[i] > other[i];
    paired.only_baseline += row.correct[i] < other[i];
  }
  row.paired = paired;
}

constexpr double kNoError = 1e-9;  // an error below this is rounding, less than one image in a billion

struct MeanRatio {
  std::optional<double> value;
  std::vector<std::string> left_out;  // corruptions whose ratio would divide by zero
};

// The mean over corruptions of (sum of errors − rows · own clean error) / (the same of the baseline).
MeanRatio mean_ratio(const CorruptionTable& table, double clean_error, double baseline_clean_error) {
  if (!table.has_baseline()) return {};
  const std::vector<CorruptionRow>& rows = table.rows;
  MeanRatio mean;
  double sum = 0;
  int corruptions = 0;
  for (std::size_t i = 0; i < rows.size();) {
    double above = 0, below = 0;
    const std::string& name = rows[i].corruption;
    for (; i < rows.size() && rows[i].corruption == name; ++i) {
      above += 1 - rows[i].accuracy - clean_error;
      below += 1 - rows[i].paired->baseline_accuracy - baseline_clean_error;
    }
    if (std::abs(below) < kNoError) {
      mean.left_out.push_back(name);
      continue;
    }
    sum += above / below;
    ++corruptions;
  }
  if (corruptions > 0) mean.value = sum / corruptions;
  return mean;
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

bool CorruptionTable::has_baseline() const {
  return std::all_of(rows.begin(), rows.end(), [](const CorruptionRow& row) { return row.paired.has_value(); });
}

std::optional<double> CorruptionTable::mce() const { return mean_ratio(*this, 0, 0).value; }

std::vector<std::string> CorruptionTable::left_out_of_mce() const { return mean_ratio(*this, 0, 0).left_out; }

std::optional<double> CorruptionTable::relative_mce(double clean_accuracy, double baseline_clean_accuracy) const {
  return mean_ratio(*this, 1 - clean_accuracy, 1 - baseline_clean_accuracy).value;
}

std::vector<std::string> CorruptionTable::left_out_of_relative_mce(double clean_accuracy,
                                                                   double baseline_clean_accuracy) const {
  return mean_ratio(*this, 1 - clean_accuracy, 1 - baseline_clean_accuracy).left_out;
}

CorruptionTable corruption_accuracy(Model& model, Model* baseline, const CorruptedImages& images_of,
                                    const std::vector<std::string>& names, const std::vector<int>& severities,
                                    std::int64_t batch_size, const CorruptionHooks& hooks) {
  CorruptionTable table;
  for (const std::string& name : names)
    for (const int severity : severities) {
      const ImageSet images = images_of(name, severity);
      CorruptionRow row{name, severity, 0, {}, {}};
      table.n = images.count;
      if (hooks.on_images) hooks.on_images(row, images);
      evaluate_row(model, baseline, images, row, batch_size);
      table.rows.push_back(std::move(row));
      if (hooks.progress) hooks.progress(table.rows.size(), names.size() * severities.size());
    }
  return table;
}

CorruptedImages generated_corruptions(const ImageSet& clean, std::uint64_t seed) {
  return [&clean, seed](const std::string& name, int severity) { return corrupt(clean, name, severity, seed); };
}

nlohmann::json to_json(const CorruptionTable& table, double train_tau) {
  nlohmann::json rows = nlohmann::json::array();
  for (const CorruptionRow& r : table.rows) {
    nlohmann::json row = {{"corruption", r.corruption}, {"severity", r.severity}, {"accuracy", r.accuracy}};
    if (r.paired) {
      row["baseline_accuracy"] = r.paired->baseline_accuracy;
      row["only_model"] = r.paired->only_model;
      row["only_baseline"] = r.paired->only_baseline;
      row["p_value"] = r.paired->p_value();
    }
    rows.push_back(std::move(row));
  }
  nlohmann::json json = {
      {"mean_accuracy", table.mean_accuracy()}, {"n", table.n}, {"train_tau", train_tau}, {"rows", rows}};
  if (table.has_baseline()) {
    json["mce"] = or_null(table.mce());
    json["mce_left_out"] = table.left_out_of_mce();
  }
  return json;
}

}  // namespace kelvin
