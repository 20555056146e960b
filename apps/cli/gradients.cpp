// kelvin gradients
#include "apps/analysis/gradients.h"

#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/cli/study.h"
#include "apps/cli/subcommand.h"
#include "apps/report/text_table.h"

namespace kelvin {
namespace {

constexpr std::int64_t kGradientImages = 500;

struct GradientFlags {
  StudyOptions study;
  GradientOptions options;
};

std::string three_digits(const Json& value) { return value.is_number() ? number(value.get<double>(), 3) : "–"; }

std::string gradient_table(const Json& study) {
  TextTable table({"loss tau", "hardest share", "effective negatives", "step (1-p)/tau", "|dL/dw_y|", "|dL/df|",
                   "|dL/dx|_1", "cos w", "cos f", "cos x", "cos w, set", "zero dL/dx %"});
  for (const Json& r : study["rows"])
    table.add({three_digits(r["tau"]), three_digits(r["alpha_shares"][0]), three_digits(r["effective_negatives"]),
               three_digits(r["step_size"]), three_digits(r["true_prototype_l2"]), three_digits(r["feature_l2"]),
               three_digits(r["input_l1"]), three_digits(r["prototype_cosine"]), three_digits(r["feature_cosine"]),
               three_digits(r["input_cosine"]), three_digits(r["set_prototype_cosine"]),
               three_digits(100 * r["zero_images"].get<double>())});
  std::string text = table.str();
  if (const Json& d = study["linearized_distance"]; d.is_object())
    text += str("distance to the linearised boundary (L-infinity, pixels in [0, 1]): median ", three_digits(d["p50"]),
                ", 5 % ", three_digits(d["p5"]), ", 95 % ", three_digits(d["p95"]), "\n");
  return text + str("on ", study["n"].get<std::int64_t>(), " images; the model was trained at tau ",
                    three_digits(study["train_tau"]), "\n");
}

std::string gradient_text(const Json& json) {
  if (!json.contains("checkpoints")) return gradient_table(json);
  std::string text;
  for (const Json& one : json["checkpoints"])
    text += str("epoch ", one["epoch"].get<int>(), "\n", gradient_table(one), "\n");
  return text;
}

void run(GradientFlags& f, const CommonOptions& common) {
  TargetOptions& target = f.study.target;
  target.usual_limit = kGradientImages;
  if (target.limit == 0) target.limit = kGradientImages;
  f.options.batch_size = target.batch_size;
  std::string settings;
  if (f.options.taus != GradientOptions{}.taus) {
    for (const double tau : f.options.taus) settings += str(settings.empty() ? "" : ",", tau);
    settings = "-taus" + file_name_text(settings);
  }
  run_study(
      f.study, common, "gradients", settings,
      [&](const Target& t, Model& model, const RunInfo& info) {
        Progress progress("gradients", "images", common.quiet);
        const GradientStudy study =
            measure_gradients(model, t.data.test, f.options,
                              [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
        progress.finish();
        return to_json(study, t.classes->output_names(), info.train_tau);
      },
      gradient_text);
}

}  // namespace

void add_gradients(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<GradientFlags>();
  f->study.target.batch_size = static_cast<int>(f->options.batch_size);
  CLI::App* const c = add_command(app, common, "gradients", "What the temperature does to the gradients of the loss",
                                  "  kelvin gradients runs/tau1\n"
                                  "  kelvin gradients runs/tau50 --taus 1,50 --limit 200 --json\n"
                                  "  kelvin gradients runs/tau50 --across-training --split train",
                                  [f, &common] { run(*f, common); });
  add_study_options(*c, f->study);
  add_fields(*c, basic(group("Gradients", gradient_fields(f->options))));
}

}  // namespace kelvin
