// kelvin evaluate
#include "apps/analysis/logit_scale.h"
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"
#include "apps/evaluation/calibration.h"
#include "apps/report/text_table.h"

namespace kelvin {
namespace {

struct EvaluateFlags {
  TargetOptions target;
  double eval_tau = 1, logit_scale = 1;
  std::string fit = "none";
};

constexpr std::int64_t kFewestUnseen = 100;

// Training images that the run did not train on: those after the first `trained_images`.
ImageSet unseen_images(const TargetOptions& f, const Target& target) {
  const RunInfo& info = target.trained.info;
  const char* const instead = "use --fit-tau folds, or train with --train-limit so that some are left";
  if (!f.data.empty())
    throw mistake("--fit-tau unseen takes its images from the run's own data; leave --data out, or ", instead);
  if (info.trained_images <= 0)
    throw mistake("--fit-tau unseen: these weights do not record which training images they saw; ", instead);
  Dataset data = load_dataset(info.data, {.test = Half::skip, .seed = info.seed});
  add_notes(data.notes);
  ImageSet& train = data.train;
  target.classes->apply(train);
  if (train.count - info.trained_images < kFewestUnseen)
    throw mistake("--fit-tau unseen: training used ", info.trained_images, " of ", train.count, " images; it needs ",
                  kFewestUnseen, " unseen ones; ", instead);
  return train.from(info.trained_images);
}

Json to_json(const FittedTemperature& fit) {
  return {{"tau", fit.tau}, {"n", fit.n}, {"nll", fit.nll}, {"is_bound", fit.is_bound}};
}

// Adds the fitted temperature and the figures at it.
std::string fit_temperature(const EvaluateFlags& f, const Target& target, const Predictions& p, Json& json) {
  Calibration fitted;
  if (f.fit == "folds") {
    const CrossFit both = cross_fit(p);
    fitted = both.calibration;
    json["fit"] = {{"source", f.fit}, {"folds", {to_json(both.on_even), to_json(both.on_odd)}}};
  } else {
    const FittedTemperature fit =
        fit_temperature(predict(*target.trained.model, unseen_images(f.target, target), f.target.batch_size));
    fitted = calibrate(p, fit.tau);
    json["fit"] = to_json(fit);
    json["fit"]["source"] = f.fit;
  }
  json["fitted_tau"] = fitted.tau;
  json["calibration"].push_back(to_json(fitted, "fitted"));
  return str("fitted temperature ", number(fitted.tau), " (", f.fit, "), over the training temperature ",
             number(fitted.tau / target.trained.info.train_tau), "\n");
}

std::string table_of(const Json& calibrations) {
  TextTable table({"T", "role", "NLL", "ECE %", "adaptive ECE %", "MCE %", "Brier"});
  const auto hundred = [](const Json& v) { return number(100 * v.get<double>(), 3); };
  for (const Json& c : calibrations)
    table.add({number(c["tau"].get<double>()), c["role"], number(c["nll"].get<double>()), hundred(c["ece"]),
               hundred(c["adaptive_ece"]), hundred(c["mce"]), number(c["brier"].get<double>(), 3)});
  return table.str();
}

void run(const EvaluateFlags& f, const CommonOptions& common) {
  const Target target = open_target(f.target, common);
  const LogitScale scaled(*target.trained.model, static_cast<float>(f.logit_scale));
  Progress progress("evaluating", "images", common.quiet);
  const Predictions p = predict(*target.trained.model, target.data.test, f.target.batch_size,
                                [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
  progress.finish();
  const Evaluation e = evaluate(p, f.eval_tau);
  const double train_tau = target.trained.info.train_tau;
  Json json = to_json(e, target.classes->output_names(), f.eval_tau, train_tau);
  json["notes"] = target.notes;
  json["calibration"] = calibrations_of(p, train_tau);
  if (f.eval_tau != 1 && f.eval_tau != train_tau)
    json["calibration"].push_back(to_json(calibrate(p, f.eval_tau), "evaluation"));
  const std::string fit = f.fit == "none" ? "" : fit_temperature(f, target, p, json);
  if (f.logit_scale != 1) json["logit_scale"] = f.logit_scale;
  const std::string text =
      str("accuracy ", percent(e.accuracy), ", NLL ", number(e.nll), ", ECE ", percent(e.ece), " at tau ", f.eval_tau,
          " on ", e.n, " images (trained at tau ", train_tau, ")\n", fit, "\n", table_of(json["calibration"]));
  // A fitted temperature only adds to a result, so it does not change the name.
  const std::string settings =
      str(f.logit_scale != 1 ? str("-logits-x", f.logit_scale) : "", f.eval_tau != 1 ? str("-tau", f.eval_tau) : "");
  keep_and_print(common, text, json, [&] { target.save("evaluate", settings, json); });
}

}  // namespace

void add_evaluate(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<EvaluateFlags>();
  CLI::App* const c =
      add_command(app, common, "evaluate", "Accuracy, NLL, calibration and per-class accuracy on the test set",
                  "  kelvin evaluate runs/tau50\n  kelvin evaluate runs/tau50 --eval-tau 50\n"
                  "  kelvin evaluate runs/tau50 --fit-tau folds\n"
                  "  kelvin evaluate --weights w.safetensors --model resnet20 --data fashion-mnist",
                  [f, &common] { run(*f, common); });
  add_target_options(*c, f->target);
  add_fields(*c,
             basic(group("Evaluation", {field("eval-tau", f->eval_tau, above(0), "Temperature of NLL and ECE"),
                                        field("fit-tau", f->fit, {"none", "unseen", "folds"},
                                              "Also fit the temperature of least NLL: unseen (training images that the "
                                              "run did not use), folds (each half of the test images calibrated by the "
                                              "other), none"),
                                        field("logit-scale", f->logit_scale, above(0),
                                              "Multiply the logits: the same classifier, other likelihoods")})));
}

}  // namespace kelvin
