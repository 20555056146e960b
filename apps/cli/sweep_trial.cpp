#include "apps/cli/sweep_trial.h"

#include <cstdlib>

#include "apps/cli/notes.h"
#include "apps/run/json_fields.h"
#include "apps/sweep/estimate.h"
#include "engine/child_process.h"

namespace kelvin {
namespace {

// The result of the benchmark of the first cell's model; null if it fails.
Json bench(const TrainOptions& o, const Dataset& data, const CommonOptions& common, int threads, const Worker& worker) {
  const std::string &model = o.model, cases = "train-" + model + ",infer-" + model + ",pgd1-" + model;
  const CapturedRun bench = run_captured(
      {.arguments = {own_program(), "bench", "--json", "--quiet", "--seconds=0.4", "--cases=" + cases,
                     str("--batch-size=", o.batch_size), str("--size=", data.train.height),
                     str("--channels=", data.train.channels), "--device=" + common.device, str("--threads=", threads)},
       .errors = ChildCommand::kNowhere,
       .environment = worker.environment});
  return bench.code == 0 ? parse_json("kelvin bench", bench.output) : Json();
}

Dataset load(const SweepPlan& plan, const TrainOptions& options) {
  const auto limit = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t n = std::atol(flag_value(plan.train, name, "0").c_str());
    return n > 0 ? n : otherwise;
  };
  const std::int64_t both = limit("limit", 0);
  return load_dataset(
      options.data,
      {.test = Half::optional, .train_limit = limit("train-limit", both), .test_limit = limit("test-limit", both)});
}

}  // namespace

SweepTrial try_sweep(const SweepPlan& plan, const std::vector<Cell>& cells, const std::vector<TrainOptions>& options,
                     const CommonOptions& common, int threads, const Worker& worker) {
  const Dataset data = load(plan, options[0]);
  add_notes(data.notes);
  SweepTrial trial{common.device, 0, {}};
  const Json measured = bench(options[0], data, common, threads, worker);
  if (measured.is_null()) return trial;
  const JsonFields fields("kelvin bench", measured);
  const std::vector<JsonFields> rows = fields.objects("rows");
  if (fields.has("device_notes")) trial.notes = fields.texts("device_notes");
  if (common.device == "auto" && rows.at(0).text("device") == "cpu") trial.device = "cpu";
  const Rates rates{rows.at(0).number("img_per_s"), rows.at(1).number("img_per_s"), rows.at(2).number("img_per_s")};
  for (std::size_t i = 0; i < cells.size(); ++i)
    trial.seconds_a_cell += estimated_seconds(options[i], data.train.count, data.test.count,
                                              measurements_of(plan.measure, cells[i].logit_scales), rates) /
                            static_cast<double>(cells.size());
  return trial;
}

}  // namespace kelvin
