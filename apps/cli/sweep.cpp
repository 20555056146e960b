// kelvin sweep
#include <algorithm>

#include "apps/cli/cell_runner.h"
#include "apps/cli/commands.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/train_flags.h"
#include "apps/cli/waiting_threads.h"
#include "apps/report/report.h"
#include "apps/run/json_output.h"
#include "apps/sweep/bisection.h"
#include "apps/sweep/choice.h"
#include "apps/sweep/sweep_events.h"
#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "kernels/device/listed.h"
#include "kernels/device/threads.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr const char *kText = "table.txt", *kCsv = "table.csv", *kCells = "cells.csv", *kTable = "table.json",
                     *kReport = "report.html";

// Reports before the work whatever would prevent writing the results.
void require_writable_results(const std::filesystem::path& out) {
  for (const char* name : {kText, kCsv, kCells, kTable, kReport}) require_writable("--out", out / name);
}

void write_results(const std::filesystem::path& out, const SweepTable& table, Json& json) {
  const auto write = [&](const char* name, const std::string& text) {
    write_file_atomically(out / name, std::as_bytes(std::span(text)));
  };
  json["out"] = out.string();
  json["report"] = (out / kReport).string();
  write(kText, text_of(table, kUnfolded));
  write(kCsv, csv_of(table));
  write(kCells, cells_csv_of(table));
  write(kTable, to_text(json, 1) + "\n");
  write_sweep_report(out / kReport, json, {.title = table.title});
}

void print_cells(const CellRunner& runner, const CommonOptions& common, const std::string& note) {
  Json json = {{"cells", Json::array()}, {"seconds", runner.seconds()}};
  std::string text;
  for (const Cell& cell : runner.cells()) {
    std::string line = "kelvin train";
    for (const std::string& argument : arguments_of(cell.flags)) line += " " + argument;
    text += cell.name + ": " + line + "\n";
    json["cells"].push_back({{"name", cell.name}, {"command", line}});
  }
  print_result(common, text + note, json);
}

// What follows depends on the table, so every rank must have read the same.
SweepTable agreed(SweepTable table) {
  processes().require_equal("the results of the cells", cells_csv_of(table));
  return table;
}

// Writes the results and prints the table with its reading.
void finish(const SweepTable& table, const std::vector<Cell>& cells, Json& json, const std::string& reading,
            const SweepFlags& f, const CommonOptions& common) {
  write_results(f.out, table, json);
  if (!f.tensorboard.empty()) write_experiment_events(f.tensorboard, table, cells);
  const std::filesystem::path out = f.out;
  print_result(common,
               text_of(table) + "\n" + reading + "\nTable: " + (out / kCsv).string() +
                   ", table.json, cells.csv; report: " + (out / kReport).string() + "\n",
               json);
}

// Trains and measures the cells and writes the table. `choice`: how their settings were chosen; may be null.
void run(const SweepPlan& plan, const std::vector<Cell>& cells, const std::vector<Axis>& axes, const Json& choice,
         const SweepFlags& f, const CommonOptions& common) {
  CellRunner runner(plan, cells, f, common);
  if (!f.dry_run && is_there(f.out)) require_writable_results(f.out);
  runner.prepare();
  if (f.dry_run) return print_cells(runner, common, "");
  runner.run();
  const SweepTable table =
      agreed(make_table(plan.title, axes, runner.cells(), f.out, plan.baseline, {plan.family, plan.margin}));
  Json json = to_json(table);
  if (!choice.is_null()) json["choice"] = choice;
  finish(table, runner.cells(), json, reading_of(table) + "\n", f, common);
  runner.require_success(table);
}

// Trains at the values of the axis, then at those that the bracket of each setting asks for, until all are narrow enough.
void bisect(const SweepPlan& plan, const SweepFlags& f, const CommonOptions& common) {
  std::vector<Cell> cells = expand(plan.axes, plan.train, plan.seeds);
  for (;;) {
    CellRunner runner(plan, cells, f, common);
    if (!f.dry_run && is_there(f.out)) require_writable_results(f.out);
    runner.prepare();
    if (f.dry_run)
      return print_cells(runner, common, str("then further values of ", *plan.bisected, ", by what these show\n"));
    runner.run();
    const SweepTable table =
        agreed(make_table(plan.title, plan.axes, cells, f.out, std::nullopt, {plan.family, plan.margin}));
    const std::vector<Bracket> brackets = brackets_of(plan, table);
    const std::vector<Cell> more = next_cells(plan, brackets);
    if (more.empty()) {
      Json json = to_json(table);
      json["bisection"] = to_json(plan, brackets);
      json["reading"] = text_of(plan, brackets);
      finish(table, cells, json, text_of(plan, brackets), f, common);
      return runner.require_success(table);
    }
    cells.insert(cells.end(), more.begin(), more.end());
    cells = in_order(plan, std::move(cells));
  }
}

void run(const SweepFlags& f, const CommonOptions& common) {
  if (f.jobs.value_or(1) > 1 || !f.devices.empty() || processes().local_size() > 1) let_threads_sleep();
  const SweepPlan plan = plan_of(f, common);
  if (plan.bisected) return bisect(plan, f, common);
  if (!plan.choice) return run(plan, expand(plan.axes, plan.train, plan.seeds), plan.axes, {}, f, common);
  const SweepPlan choosing = choosing_plan(plan);
  SweepFlags flags = f;
  flags.out = (std::filesystem::path(f.out) / "choice").string();
  if (!f.tensorboard.empty()) flags.tensorboard = (std::filesystem::path(f.tensorboard) / "choice").string();
  CellRunner runner(choosing, expand(choosing.axes, choosing.train, choosing.seeds), flags, common);
  for (const std::string& out : {f.out, flags.out})
    if (!f.dry_run && is_there(out)) require_writable_results(out);
  runner.prepare();
  if (f.dry_run)
    return print_cells(runner, common,
                       str("then the chosen ", plan.choice->axis, " of each setting with seeds ",
                           listed(plan.seeds, [](std::uint64_t s) { return std::to_string(s); }), "\n"));
  runner.run();
  const SweepTable table =
      agreed(make_table(choosing.title, choosing.axes, runner.cells(), flags.out, std::nullopt, {}));
  Json json = to_json(table);
  write_results(flags.out, table, json);
  runner.require_success(table);
  const std::vector<ChosenValue> choices = choose(plan, table);
  if (!common.quiet)
    for (const std::string& line : nonempty_parts_of(text_of(plan, choices), '\n')) print_note(line);
  run(plan, chosen_cells(plan, choices), other_axes(plan.axes, plan.choice->axis), to_json(plan, choices, table), f,
      common);
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
      "  kelvin sweep --preset temperatures --seeds 0,1,2 --jobs 2 --out temperatures\n"
      "  kelvin sweep --preset lr-fair --jobs 2 --out lr-fair\n"
      "  kelvin sweep --preset controls --seeds 0,1,2 --out controls\n"
      "  kelvin sweep --preset adversarial --seeds 0,1,2 --out adversarial\n"
      "  kelvin sweep --preset lr-boundary --jobs 2 --out boundary\n"
      "  kelvin sweep --preset synthetic --out toy\n"
      "  kelvin sweep --grid tau=1,50 --grid lr=0.03,0.1 --seeds 0,1 --epochs 5 --measure clean,pgd --out mine\n"
      "  kelvin sweep --variant 'sgd: optimizer=sgd lr=0.1' --variant 'adam: optimizer=adam lr=1e-3' --grid tau=1,50 "
      "--out optimizers\n"
      "  kelvin sweep --variant 'plain: tau=1' --variant 'hot: tau=50 lr=2' --baseline 'variant=plain' --out two\n"
      "  kelvin sweep --preset lr-fair --devices 0,1,2,3 --out lr-fair\n"
      "  mpirun -n 8 kelvin sweep --preset lr-fair --out lr-fair\n"
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
                    message("One of ", listed(preset_names()), ": defaults that other flags override")),
              field("seeds", f->seeds, "Training seeds, with commas; default: the preset's, or 0"),
              field("out", f->out,
                    "Folder: one run folder a cell, table.csv, cells.csv, table.json, table.txt, report.html"),
              field("measure", f->measure,
                    "With commas: clean, corrupt, pgd, attacks, worst, geometry, audit, targeted, distance, gradients"),
              field("baseline", f->baseline,
                    "AXIS=VALUE that paired tests compare with; default: tau=1, or the first variant"),
              field("family", f->family,
                    "Columns (keys, with commas) whose tests over seeds are corrected together; default: clean, "
                    "corrupted, pgd_log_odds and worst_case, or else sound"),
              field("margin", f->margin, above(0), "Points of accuracy within which a difference counts as none"),
              field("choose", f->choose,
                    "Axis whose best value is found for each setting on held-out images first, with other seeds"),
              field("choose-seeds", f->choose_seeds, "Seeds of that choice, with commas; default: 100,101"),
              field("choose-by", f->choose_by, {"clean", "pgd_log_odds"},
                    "Accuracy that decides: clean (default), or under PGD on log-odds"),
              field("bisect", f->bisect,
                    "Axis (such as lr) whose largest value at which training converges is searched for each setting"),
              field("jobs", f->jobs, in(1, kMostThreads),
                    message("Cells at a time (of each rank under mpirun); they share the threads; default: 1, or one a "
                            "GPU of ",
                            "devices"_field)),
              field("devices", f->devices,
                    message("GPUs of this machine among which the cells are divided, such as 0,1,2,3; more than one "
                            "cell at a time on each: ",
                            "jobs"_field)),
              field("tensorboard", f->tensorboard,
                    "Also write event files for TensorBoard: a folder in this one for each cell, and the HParams tab"),
              field("title", f->title, "Title of the report"),
              field("overwrite", f->overwrite, "Cells of --out that were trained with other flags are trained again"),
              field("dry-run", f->dry_run, "Print the cells and the estimate only")}));
  add_fields(*c, group("Measurements", kept_as_text(measure_fields, f->measured)));
  add_fields(*c, passed_through(*c, f->train));
  add_sweep_cell(app, common);
}

}  // namespace kelvin
