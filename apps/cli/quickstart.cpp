// kelvin quickstart
#include <optional>

#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/subcommand.h"
#include "apps/experiment/tau_experiment.h"
#include "apps/report/report.h"
#include "engine/child_process.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

struct QuickstartFlags {
  ExperimentOptions options;
  std::int64_t train_limit = 20000, test_limit = 10000;
  std::string out = "kelvin-quickstart";
};

// Commands that go on from here, as they can be typed: the program need not be on PATH.
std::string next_steps(const std::vector<std::filesystem::path>& folders) {
  const std::string program = printable(own_program());
  return str("Next: ", program, " learn      a course about what this shows\n      ", program, " explore ",
             printable(folders.front().string()), folders.size() > 1 ? " " + printable(folders.back().string()) : "",
             "      single images under these models\n");
}

void run(QuickstartFlags& f, const CommonOptions& common) {
  ExperimentOptions& o = f.options;
  o.out = f.out;
  o.train.seed = o.attack.seed = common.seed;
  for (const double tau : o.taus) {
    o.train.tau.start = o.train.tau.end = tau;
    check_options(o.train);
  }
  const Device device = open_device(common);
  const Dataset data =
      load_dataset(o.train.data, {.train_limit = f.train_limit, .test_limit = f.test_limit, .seed = common.seed});
  add_notes(data.notes);
  say_notes();
  o.train.data = with_absolute_path(o.train.data);  // checkpoints hold the absolute path
  require_own_folders(o, data);
  std::error_code error;
  std::filesystem::create_directories(o.out, error);
  if (error) throw mistake("--out ", f.out, ": cannot be made: ", error.message());
  const std::filesystem::path report = o.out / "report.html";
  require_writable("--out", report);
  if (!common.quiet)
    std::fprintf(
        stderr,
        "Training %s at %zu temperatures on %lld images of %s, then measuring each: a few minutes on two cores.\n",
        o.train.model.c_str(), o.taus.size(), static_cast<long long>(data.train.count), data.name.c_str());
  std::vector<ExperimentRow> rows;
  std::vector<std::filesystem::path> folders;
  for (const double tau : o.taus) {
    std::optional<Progress> progress;
    std::string stage;
    rows.push_back(
        run_temperature(tau, o, data, device,
                        [&](const std::string& name, std::int64_t done, std::int64_t total, const std::string& note) {
                          if (name != stage) progress.emplace(str("τ = ", tau, ": ", name), "images", common.quiet);
                          stage = name;
                          progress->update(done, total, note);
                        }));
    progress.reset();
    if (!common.quiet)
      std::fprintf(stderr, "τ = %g done (%zu of %zu): %s\n", tau, rows.size(), o.taus.size(),
                   rows.back().diverged ? "diverged" : ("clean accuracy " + percent(rows.back().clean)).c_str());
    if (!rows.back().not_converged.empty() && !common.quiet)
      print_note(str("warning: the training at tau = ", tau, " has not converged (", rows.back().not_converged,
                     "); its figures say little about tau"));
    folders.push_back(folder_of(tau, o).path);
  }
  const ReportContents contents = write_report(report, folders, {.title = "The τ experiment on " + data.name});
  add_notes(contents.notes);
  Json json = {{"rows", Json::array()},
               {"report", report.string()},
               {"reading", reading_of(rows)},
               {"claims", to_json(contents.claims)}};
  for (const ExperimentRow& row : rows) json["rows"].push_back(to_json(row));
  print_result(common,
               table_of(rows) + "\n" + reading_of(rows) +
                   "\n\nWhat these runs say to the claims of arXiv 2502.20604\n\n" + text_of(contents.claims) +
                   "\nReport: " + report.string() + "\n" + next_steps(folders),
               json);
}

}  // namespace

void add_quickstart(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<QuickstartFlags>();
  TrainOptions& t = f->options.train;
  t.model = "resnet8";
  t.epochs = 3;
  t.lr.base = 0.1;
  t.lr_times_tau = true;  // otherwise a model with a high τ has hardly begun to learn after three epochs
  t.optimizer.weight_decay = 0;
  CLI::App* const c =
      add_command(app, common, "quickstart",
                  "The tau experiment in minutes: train at several temperatures, attack each, write report.html",
                  "  kelvin quickstart\n  kelvin quickstart --taus 1,30,70 --epochs 5 --out experiments/longer\n"
                  "  kelvin quickstart --data synthetic --model mlp",
                  [f, &common] { run(*f, common); });
  add_fields(
      *c,
      joined({basic(group(
                  "Experiment",
                  {field("taus", f->options.taus, above(0), "Temperatures"),
                   field("out", f->out, "Folder for the runs and the report"),
                   field("train-limit", f->train_limit, at_least(0), "Training images; 0: all"),
                   field("test-limit", f->test_limit, at_least(0), "Test images; 0: all"),
                   field("attack-limit", f->options.attack_limit, at_least(0), "Test images that are attacked"),
                   field("corrupt-limit", f->options.corrupt_limit, at_least(0), "Test images that are corrupted")})),
              only(train_fields(t), {"data", "model", "epochs", "batch-size"}),
              basic(group("Optimisation",
                          {field("lr", t.lr.base, at_least(0), "Base learning rate; multiplied by each temperature"),
                           off("no-lr-times-tau", t.lr_times_tau, "The same learning rate for every temperature")}))}));
}

}  // namespace kelvin
