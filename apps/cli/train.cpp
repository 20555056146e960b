// kelvin train
#include <cstdio>

#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/run_config.h"
#include "apps/cli/train_flags.h"
#include "apps/experiment/measure.h"
#include "apps/run/class_order.h"
#include "data/hold_out.h"
#include "engine/atomic_file.h"

namespace kelvin {
namespace {

// Searches on a held-out split – --validation's, or a tenth of the training images – and puts what it found into the options.
std::string choose(TrainFlags& f, const Dataset& data, const RunFolder& folder, Device device,
                   const CommonOptions& common) {
  Dataset split = data;
  if (split.validation.count == 0) hold_out(split, std::max<std::int64_t>(1, split.train.count / 10), common.seed);
  Progress progress("choosing tau", "images", common.quiet);
  const Search s = choose_temperature(f.options, f.search, split, folder.path / "search", device, progress.function());
  progress.finish();
  f.options.tau.start = f.options.tau.end = s.chosen.tau;
  f.options.lr.base = s.chosen.lr;
  folder.write_result("tau-search", to_json(s));
  return str("chose tau ", s.chosen.tau, ", learning rate ", s.chosen.lr, " from ", f.search.candidates.size(),
             " candidates on ", split.validation.count, " held-out images: ", s.epochs_trained,
             " epochs of search; the full grid takes ", s.grid_epochs,
             s.grid.empty() ? "" : str("; regret against it ", number(100 * s.regret(), 3), " points"), "\n");
}

// What adam makes of flags that are written with sgd in mind.
void print_notes(const TrainFlags& f, const CommonOptions& common) {
  if (common.quiet || f.options.optimizer.kind == OptimizerOptions::Kind::sgd) return;
  if (!f.lr && !f.is_auto)
    std::fprintf(stderr, "learning rate %g, the default of %s; --lr sets another\n", f.options.lr.base,
                 f.optimizer.c_str());
  if (f.options.lr_times_tau)
    std::fprintf(
        stderr,
        "--lr-times-tau undoes the 1/tau of the gradient; %s's steps do not shrink with the gradient, so here it "
        "makes them tau times as long\n",
        f.optimizer.c_str());
}

void run(TrainFlags& f, const CommonOptions& common, const CLI::App& command) {
  resolve(f, common);
  if (!f.options.resume) require_applicable(command, f);
  const Device device = open_device(common);
  require_precision(f.options.precision, device);
  const RunFolder folder{f.out};
  if (!f.options.resume && std::filesystem::exists(folder.checkpoint()))
    throw mistake(f.out, ": holds a run already; continue it with --resume or choose another --out");
  const auto or_limit = [&](std::int64_t n) { return n > 0 ? n : f.limit; };
  Dataset data = load_dataset(f.options.data, {.test = Half::optional,
                                               .train_limit = or_limit(f.train_limit),
                                               .test_limit = or_limit(f.test_limit),
                                               .validation = f.validation,
                                               .seed = common.seed});
  f.options.data = with_absolute_path(f.options.data);  // as the checkpoint names it
  if (f.options.resume) restore_class_order(data, run_info_from(read_safetensors(folder.checkpoint())), f.out);
  print_notes(f, common);
  add_notes(data.notes);
  say_notes();
  const bool is_new = !std::filesystem::exists(folder.path);
  folder.create();
  std::string text;
  TrainReport report;
  try {
    if (f.is_auto && !f.options.resume) text = choose(f, data, folder, device, common);
    const std::string config = config_text(command, f);
    write_file_atomically(folder.config(), std::as_bytes(std::span(config)));
    Progress progress("training", "images", common.quiet);
    report = train(f.options, data, folder, device, progress.function());
    progress.finish();
  } catch (const Error&) {
    if (is_new && !folder.has_begun()) folder.discard();
    throw;
  }

  if (report.epochs_trained == 0 && !report.divergence) {
    const Json kept = read_result(folder, "train");
    if (kept.is_object()) {
      print_result(common, str(f.out, ": finished already, nothing was trained; raise --epochs to go on\n"), kept);
      return;
    }
  }
  const Json json = to_json(report, f.options, folder);
  folder.write_result("train", json);
  if (report.divergence) {
    text += str("diverged at step ", report.divergence->step, " (tau ", report.divergence->tau, ", learning rate ",
                report.divergence->lr, "); the last good checkpoint is kept in ", f.out, "\n");
  } else {
    text += str("train loss ", number(report.train_loss), ", train accuracy ", percent(report.train_accuracy),
                report.accuracy ? ", test accuracy " + percent(*report.accuracy) : "",
                report.ema_accuracy ? ", of the averaged weights " + percent(*report.ema_accuracy) : "", ", ",
                number(report.img_per_s, 5), " images/s; run folder ", f.out, "\n");
    if (report.validation)
      text +=
          str("validation accuracy ", percent(report.validation->accuracy),
              report.validation->robust_accuracy ? ", under PGD " + percent(*report.validation->robust_accuracy) : "",
              report.best.epoch > 0
                  ? str("; best.safetensors is epoch ", report.best.epoch, " with ", percent(report.best.score))
                  : "",
              "\n");
  }
  print_result(common, text, json);
  if (report.divergence)
    throw Error(ExitCode::diverged,
                str("training diverged at step ", report.divergence->step, " with tau ", report.divergence->tau,
                    " and learning rate ", report.divergence->lr, "; try a smaller --lr or a larger --tau"));
}

// --resume: the run's own flags are the defaults, and few may be others.
void resume(const TrainFlags& given, const CommonOptions& common, const CLI::App& command) {
  if (given.out.empty()) throw mistake("--resume needs --out DIR: the folder of the run to continue");
  const RunFolder folder{given.out};
  if (!std::filesystem::exists(folder.checkpoint()))
    throw mistake(given.out, ": nothing to resume: no checkpoint.safetensors there");
  CLI::App app;
  CommonOptions kept;
  TrainFlags flags;
  const CLI::App* const continued = parse_train(app, kept, flags, resumed_arguments(command, folder));
  kept.json = common.json;
  kept.quiet = common.quiet;
  run(flags, kept, *continued);
}

}  // namespace

void add_train(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<TrainFlags>();
  CLI::App* const c = declare_train(app, common, *f);
  c->callback([f, &common, c] { f->options.resume ? resume(*f, common, *c) : run(*f, common, *c); });
}

}  // namespace kelvin
