// kelvin evaluate
#include "apps/analysis/logit_scale.h"
#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/report/results.h"

namespace kelvin {
namespace {

struct EvaluateFlags {
  TargetOptions target;
  double eval_tau = 1, logit_scale = 1;
};

void run(const EvaluateFlags& f, const CommonOptions& common) {
  if (!(f.eval_tau > 0)) throw mistake("--eval-tau must be > 0, got ", f.eval_tau);
  if (!(f.logit_scale > 0)) throw mistake("--logit-scale must be > 0, got ", f.logit_scale);
  const Target target = open_target(f.target, common);
  const LogitScale scaled(*target.trained.model, static_cast<float>(f.logit_scale));
  Progress progress("evaluating", "images", common.quiet);
  const Predictions p = predict(*target.trained.model, target.data.test, f.target.batch_size,
                                [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
  progress.finish();
  const Evaluation e = evaluate(p, f.eval_tau);
  Json json = to_json(e, target.data.class_names, f.eval_tau, target.trained.info.train_tau);
  if (f.logit_scale != 1) json["logit_scale"] = f.logit_scale;
  target.save(f.logit_scale != 1 ? str("evaluate-logits-x", f.logit_scale) : "evaluate", json);
  print_result(common,
               str("accuracy ", percent(e.accuracy), ", NLL ", number(e.nll), ", ECE ", percent(e.ece), " at tau ",
                   f.eval_tau, " on ", e.n, " images (trained at tau ", target.trained.info.train_tau, ")\n"),
               json);
}

}  // namespace

void add_evaluate(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<EvaluateFlags>();
  CLI::App* const c =
      add_command(app, common, "evaluate", "Accuracy, NLL, calibration and per-class accuracy on the test set",
                  "  kelvin evaluate runs/tau50\n  kelvin evaluate runs/tau50 --eval-tau 50\n"
                  "  kelvin evaluate --weights w.safetensors --model resnet20 --data fashion-mnist",
                  [f, &common] { run(*f, common); });
  add_target_options(*c, f->target);
  c->add_option("--eval-tau", f->eval_tau, "Temperature of NLL and ECE")->transform(fraction())->capture_default_str();
  c->add_option("--logit-scale", f->logit_scale, "Multiply the logits: the same classifier, other likelihoods")
      ->transform(fraction())
      ->capture_default_str();
}

}  // namespace kelvin
