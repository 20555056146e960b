#include "apps/evaluation/corruptions.h"

#include "apps/evaluation/evaluate.h"
#include "data/corruptions.h"

namespace kelvin {

double CorruptionTable::mean_accuracy() const {
  double sum = 0;
  for (const CorruptionRow& row : rows) sum += row.accuracy;
  return rows.empty() ? 0 : sum / static_cast<double>(rows.size());
}

CorruptionTable corruption_accuracy(Model& model, const ImageSet& clean, const std::vector<std::string>& names,
                                    const std::vector<int>& severities, std::uint64_t seed, std::int64_t batch_size,
                                    const std::function<void(const CorruptionRow&, const ImageSet&)>& on_images,
                                    const std::function<void(std::int64_t, std::int64_t)>& progress) {
  CorruptionTable table;
  table.n = clean.count;
  const auto total = static_cast<std::int64_t>(names.size() * severities.size()) * clean.count;
  for (const std::string& name : names)
    for (const int severity : severities) {
      const ImageSet corrupted = corrupt(clean, name, severity, seed);
      CorruptionRow row{name, severity, 0, {}};
      if (on_images) on_images(row, corrupted);
      const Predictions predictions = predict(model, corrupted, batch_size);
      row.accuracy = evaluate(predictions, 1.0).accuracy;
      row.correct = correct_images(predictions);
      table.rows.push_back(row);
      if (progress) progress(static_cast<std::int64_t>(table.rows.size()) * clean.count, total);
    }
  return table;
}

}  // namespace kelvin
