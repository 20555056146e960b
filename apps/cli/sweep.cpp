// kelvin sweep
#include <omp.h>

#include "apps/attacks/settings.h"
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/sweep_flags.h"
#include "apps/cli/sweep_progress.h"
#include "apps/cli/sweep_trial.h"
#include "apps/cli/train_flags.h"
#include "apps/cli/waiting_threads.h"
#include "apps/report/report.h"
#include "apps/run/json_output.h"
#include "apps/sweep/cell.h"
#include "apps/sweep/shared_folder.h"
#include "apps/sweep/workers.h"
#include "engine/atomic_file.h"
#include "engine/child_process.h"
#include "engine/input_file.h"
#include "kernels/device/threads.h"

namespace kelvin {
namespace {

// Checks everything that a cell would refuse, before anything is run.
std::vector<TrainOptions> check_cells(const std::vector<Cell>& cells) {
  std::vector<TrainOptions> options;
  for (const Cell& cell : cells) {
    std::vector<std::string> arguments = arguments_of(cell.flags);
    for (const std::string& argument : arguments)
      if (!is_run_flag(argument)) throw mistake("cell ", cell.name, ": ", argument, " is no flag of a run's own");
    arguments.emplace_back("--out=" + cell.name);
    try {
      options.push_back(parse_train_flags(arguments));
    } catch (const Error& e) {
      throw mistake("cell ", cell.name, ": ", e.message());
    }
  }
  return options;
}

std::vector<Job> jobs_of(const std::vector<Cell>& cells, const SweepPlan& plan, const SweepFlags& f,
                         const CommonOptions& common, const std::string& device, int threads) {
  const std::filesystem::path out = f.out;
  const auto begin = std::filesystem::file_time_type::clock::now();
  std::vector<Job> jobs;
  for (const Cell& cell : cells) {
    const RunFolder folder{out / cell.name};
    const CellRequest request = request_of(cell, plan.measure);
    Job job;
    job.name = cell.name;
    job.command = {own_program(), "sweep-cell", "--device=" + device, str("--threads=", threads),
                   "--autotune=" + common.autotune};
    if (common.tf32) job.command.emplace_back("--tf32");
    if (common.fast) job.command.emplace_back("--fast-nondeterministic");
    job.command.insert(job.command.end(), {"--", folder.path.string()});
    job.lock = locks_of(out) / (cell.name + ".lock");
    job.log = folder.path / "log.txt";
    job.is_done = [folder, request, begin] {
      const CellState state = state_of(folder, request);
      if (state == CellState::finished) return true;
      // Failed since this sweep began, in another process: not again.
      std::error_code error;
      return state == CellState::failed && std::filesystem::last_write_time(folder.result("error"), error) > begin;
    };
    job.prepare = [folder, request] { prepare(folder, request); };
    jobs.push_back(std::move(job));
  }
  return jobs;
}

RunFolder folder_of(const Cell& cell, const SweepFlags& f) { return {std::filesystem::path(f.out) / cell.name}; }

// The cells with other training flags, which --overwrite removes.
std::vector<RunFolder> check_folders(const std::vector<Cell>& cells, const SweepPlan& plan, const SweepFlags& f) {
  std::vector<RunFolder> others;
  for (const Cell& cell : cells) {
    const CellState state = state_of(folder_of(cell, f), request_of(cell, plan.measure));
    require_own(folder_of(cell, f), state, f.overwrite);
    if (state == CellState::other) others.push_back(folder_of(cell, f));
  }
  return others;
}

constexpr const char *kText = "table.txt", *kCsv = "table.csv", *kCells = "cells.csv", *kTable = "table.json",
                     *kReport = "report.html";

// Reports before the work whatever would prevent writing the results.
void require_writable_results(const std::filesystem::path& out) {
  for (const char* name : {kText, kCsv, kCells, kTable, kReport}) require_writable("--out", out / name);
}

int write_results(const SweepTable& table, const SweepFlags& f, const CommonOptions& common) {
  const std::filesystem::path out = f.out;
  const auto write = [&](const char* name, const std::string& text) {
    write_file_atomically(out / name, std::as_bytes(std::span(text)));
  };
  Json json = to_json(table);
  json["out"] = f.out;
  json["report"] = (out / kReport).string();
  write(kText, text_of(table));
  write(kCsv, csv_of(table));
  write(kCells, cells_csv_of(table));
  write(kTable, to_text(json, 1) + "\n");
  write_sweep_report(out / kReport, json, {.title = table.title});
  int failed = 0;
  for (const SweepRow& row : table.rows)
    for (const CellFigures& cell : row.cells)
      if (row.logit_scale == 1)
        failed += cell.status == CellFigures::Status::failed || cell.status == CellFigures::Status::missing ? 1 : 0;
  print_result(common,
               text_of(table) + "\n" + reading_of(table) + "\n\nTable: " + (out / kCsv).string() +
                   ", table.json, cells.csv; report: " + (out / kReport).string() + "\n",
               json);
  return failed;
}

void run(const SweepFlags& f, const CommonOptions& common) {
  if (f.jobs > 1) let_threads_sleep();
  const SweepPlan plan = plan_of(f, common);
  const std::vector<Cell> cells = expand(plan.axes, plan.train, plan.seeds);
  const std::vector<TrainOptions> options = check_cells(cells);
  const std::vector<RunFolder> overwritten = check_folders(cells, plan, f);
  if (!f.dry_run && is_there(f.out)) require_writable_results(f.out);
  const int threads = std::max(1, (common.threads > 0 ? common.threads : omp_get_max_threads()) / f.jobs);
  std::size_t finished = 0;
  for (const Cell& cell : cells)
    finished +=
        state_of({std::filesystem::path(f.out) / cell.name}, request_of(cell, plan.measure)) == CellState::finished;
  SweepTrial trial{common.device, 0, {}};
  if (finished < cells.size()) trial = try_sweep(plan, cells, options, common, threads);
  std::optional<FileLock> use;
  if (!f.dry_run) use.emplace(join_sweep(f.out, overwritten));
  add_notes(trial.notes);
  say_notes();
  if (!common.quiet || f.dry_run) {
    std::string text =
        str(cells.size(), " cells (", cells.size() / plan.seeds.size(), " settings x ", plan.seeds.size(), " seeds), ",
            finished, " finished already, ", f.jobs, " at a time with ", threads, " threads");
    if (trial.seconds_a_cell > 0)
      text += "; about " + duration_text(trial.seconds_a_cell * static_cast<double>(cells.size() - finished) / f.jobs);
    print_note(plan.title + ": " + text);
    const MeasureRequest& m = plan.measure;
    const std::string warning = reach_warning({.eps = m.eps, .pgd = {.step = m.step, .steps = m.steps}});
    if (!warning.empty()) print_note("warning: " + warning);
  }
  if (f.dry_run) {
    Json json = {{"cells", Json::array()},
                 {"seconds", trial.seconds_a_cell * static_cast<double>(cells.size()) / f.jobs}};
    std::string text;
    for (const Cell& cell : cells) {
      std::string line = "kelvin train";
      for (const std::string& argument : arguments_of(cell.flags)) line += " " + argument;
      text += cell.name + ": " + line + "\n";
      json["cells"].push_back({{"name", cell.name}, {"command", line}});
    }
    print_result(common, text, json);
    return;
  }
  const std::vector<Job> jobs = jobs_of(cells, plan, f, common, trial.device, threads);
  SweepProgress progress(cells, f.out, trial.seconds_a_cell, f.jobs, common.quiet);
  bool ran_out = false;
  run_jobs(
      jobs, f.jobs,
      [&](const JobEvent& e) {
        const RunFolder folder{std::filesystem::path(f.out) / cells[e.job].name};
        if (e.kind == JobEvent::Kind::failed && !is_there(folder.result("error")))
          folder.write_result("error", {{"error", e.error}});
        ran_out = ran_out || e.code == static_cast<int>(ExitCode::out_of_memory);
        progress.on(e);
      },
      [&](const std::vector<std::size_t>& running) { progress.idle(running); });
  const int failed = write_results(
      make_table(plan.title, plan.axes, cells, f.out, plan.baseline, {plan.family, plan.margin}), f, common);
  if (failed > 0)
    throw Error(ran_out ? ExitCode::out_of_memory : ExitCode::internal,
                str(failed, " cells failed; their errors are in the table and in ", f.out,
                    "/CELL/log.txt; the same command tries them again"));
}

// Flags of train that sweep passes to every cell.
Fields passed_through(const CLI::App& command, std::map<std::string, std::string>& given) {
  Fields fields = kept_as_text(train_flag_fields, given);
  std::erase_if(fields, [&](const Field& f) { return f.resume == Resume::unrecorded || has_flag(command, f.name); });
  return group("Flags of kelvin train, for every cell", fields);
}

}  // namespace

void add_sweep(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<SweepFlags>();
  CLI::App* const c = add_command(
      app, common, "sweep", "A grid over the flags of train, with seeds; one table and one report at the end",
      "  kelvin sweep --preset paper --data fashion-mnist --model resnet8 --seeds 0,1,2 --epochs 3 --out paper\n"
      "  kelvin sweep --preset controls --seeds 0,1,2 --out controls\n"
      "  kelvin sweep --preset adversarial --seeds 0,1,2 --out adversarial\n"
      "  kelvin sweep --preset lr-boundary --jobs 2 --out boundary\n"
      "  kelvin sweep --preset synthetic --out toy\n"
      "  kelvin sweep --grid tau=1,50 --grid lr=0.03,0.1 --seeds 0,1 --epochs 5 --measure clean,pgd --out mine\n"
      "  kelvin sweep --variant 'sgd: optimizer=sgd lr=0.1' --variant 'adam: optimizer=adam lr=1e-3' --grid tau=1,50 "
      "--out optimizers\n"
      "  kelvin sweep --variant 'plain: tau=1' --variant 'hot: tau=50 lr=2' --baseline 'variant=plain' --out two\n"
      "The same command continues a sweep that was stopped; started twice, the two share the work.",
      [f, &common] { run(*f, common); });
  add_repeatable(*c, "grid", f->grid, "FLAG=V1,V2,... of train; repeatable (semicolons where values hold commas)");
  add_repeatable(*c, "variant", f->variants,
                 "'NAME: flag=value flag=value'; repeatable; together one axis. logit-scale=S "
                 "measures the same model again with its logits multiplied");
  add_repeatable(*c, "set", f->set, "FLAG=VALUE of train for every cell; the flags below do the same");
  add_fields(
      *c, basic(Fields{
              field("preset", f->preset,
                    "paper, adversarial, controls, lr-boundary or synthetic: defaults that other flags override"),
              field("seeds", f->seeds, "Training seeds, with commas; default: the preset's, or 0"),
              field("out", f->out,
                    "Folder: one run folder a cell, table.csv, cells.csv, table.json, table.txt, report.html"),
              field("measure", f->measure, "With commas: clean, corrupt, pgd, attacks, worst, geometry, audit"),
              field("baseline", f->baseline,
                    "AXIS=VALUE that paired tests compare with; default: tau=1, or the first variant"),
              field("family", f->family,
                    "Columns (keys, with commas) whose tests over seeds are corrected together; default: clean, "
                    "corrupted, pgd_log_odds and worst_case, or else sound"),
              field("margin", f->margin, above(0), "Points of accuracy within which a difference counts as none"),
              field("jobs", f->jobs, in(1, kMostThreads), "Cells at a time; they share the threads"),
              field("title", f->title, "Title of the report"),
              field("overwrite", f->overwrite, "Cells of --out that were trained with other flags are trained again"),
              field("dry-run", f->dry_run, "Print the cells and the estimate only")}));
  add_fields(*c, group("Measurements", kept_as_text(measure_fields, f->measured)));
  add_fields(*c, passed_through(*c, f->train));
  add_sweep_cell(app, common);
}

}  // namespace kelvin
