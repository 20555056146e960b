// kelvin explore
#include "apps/attacks/settings.h"
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"
#include "apps/explorer/write_explorer.h"
#include "engine/input_file.h"

namespace kelvin {
namespace {

constexpr std::int64_t kImagesChosenFrom = 1000;

struct ExploreFlags {
  std::vector<std::string> runs;
  std::string out = "kelvin-explorer.html";
  TargetOptions target;
  ExplorerOptions options;
};

// Every model is shown the same images, with the same labels.
void require_same_images(const Target& first, const std::string& first_run, const Target& other,
                         const std::string& run) {
  const ImageSet &a = first.data.test, &b = other.data.test;
  const auto refuse = [&](const std::string& what) {
    throw mistake(run, ": ", what,
                  "; all models are shown the same images: name one set with --data, or make a page each");
  };
  if (other.trained.info.data != first.trained.info.data)
    refuse(str("its data set is ", other.trained.info.data, ", that of ", first_run, " is ", first.trained.info.data));
  if (other.classes->output_names() != first.classes->output_names() || a.labels != b.labels)
    refuse("its classes are not those of " + first_run);
  if (a.height != b.height || a.width != b.width || a.channels != b.channels || a.bytes != b.bytes ||
      a.floats != b.floats)
    refuse(str("its images are not those of ", first_run, " (seed ", other.trained.info.seed, ", there ",
               first.trained.info.seed, ")"));
}

std::vector<Target> open_targets(const ExploreFlags& f, const CommonOptions& common) {
  std::vector<Target> targets;
  for (const std::string& run : f.runs) {
    if (is_there(run) && !is_folder(run)) throw mistake(run, ": is a file; expected a run folder of `kelvin train`");
    TargetOptions one = f.target;
    one.run = run;
    targets.push_back(open_target(one, common));
    if (targets.size() == 1) continue;
    require_same_images(targets.front(), f.runs.front(), targets.back(), run);
    targets.back().data = {};
  }
  return targets;
}

void run(ExploreFlags& f, const CommonOptions& common) {
  require_writable("--out", f.out);
  f.options.seed = f.options.attack.seed = common.seed;
  f.options.batch_size = f.target.batch_size;
  const std::vector<Target> targets = open_targets(f, common);
  std::vector<ModelToExplore> models;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const RunInfo& info = targets[i].trained.info;
    models.push_back({targets[i].trained.model.get(), f.runs[i], info.model.name, info.train_tau, targets[i].notes});
  }
  Progress progress("explore", "parts", common.quiet);
  Exploration exploration = explore(models, targets.front().data.test, f.options,
                                    [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
  progress.finish();
  exploration.data = targets.front().trained.info.data;
  exploration.class_names = targets.front().classes->output_names();
  const std::int64_t bytes = write_explorer(f.out, exploration);
  Json json = {{"out", f.out}, {"images", exploration.positions.size()}, {"models", models.size()}, {"bytes", bytes}};
  add_device_notes(json);
  print_result(common,
               str("Explorer: ", f.out, " (", exploration.positions.size(), " images, ", models.size(),
                   models.size() > 1 ? " models, " : " model, ", number(static_cast<double>(bytes) / 1e6, 2), " MB)\n"),
               json);
}

}  // namespace

void add_explore(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<ExploreFlags>();
  f->target.limit = kImagesChosenFrom;
  CLI::App* const c =
      add_command(app, common, "explore", "One self-contained HTML file to look at single images under several models",
                  "  kelvin explore runs/tau1 runs/tau50\n"
                  "  kelvin explore runs/tau1 runs/tau50 --images 24 --eps 4/255 --steps 10 --out explorer.html",
                  [f, &common] { run(*f, common); });
  add_words(*c, "runs", f->runs, "Run folders of `kelvin train`");
  add_fields(*c, joined({basic(Fields{field("out", f->out, "The file to write")}), explorer_fields(f->options)}));
  add_fields(
      *c, only(target_fields(f->target), {"checkpoint", "data", "limit", "weights-from", "precision", "batch-size"}));
  add_fields(*c,
             group("Attack", joined({only(attack_fields(f->options.attack), {"eps", "attack-tau"}),
                                     only(pgd_fields(f->options.attack.pgd), {"step", "steps", "no-random-start"})})));
}

}  // namespace kelvin
