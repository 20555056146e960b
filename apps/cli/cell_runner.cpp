#include "apps/cli/cell_runner.h"

#include <omp.h>

#include <algorithm>

#include "apps/attacks/settings.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/sweep_progress.h"
#include "apps/cli/train_flags.h"
#include "apps/sweep/shared_folder.h"
#include "engine/child_process.h"
#include "engine/input_file.h"

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

void announce(const SweepPlan& plan, const std::vector<Cell>& cells, std::size_t finished, const SweepTrial& trial,
              int jobs, int threads) {
  std::string text = str(cells.size(), " cells (", cells.size() / plan.seeds.size(), " settings x ", plan.seeds.size(),
                         " seeds), ", finished, " finished already, ", jobs, " at a time with ", threads, " threads");
  if (trial.seconds_a_cell > 0)
    text += "; about " + duration_text(trial.seconds_a_cell * static_cast<double>(cells.size() - finished) / jobs);
  print_note(plan.title + ": " + text);
  const MeasureRequest& m = plan.measure;
  const std::string warning = reach_warning({.eps = m.eps, .pgd = {.step = m.step, .steps = m.steps}});
  if (!warning.empty()) print_note("warning: " + warning);
}

}  // namespace

CellRunner::CellRunner(const SweepPlan& plan, std::vector<Cell> cells, const SweepFlags& f, const CommonOptions& common)
    : plan_(plan), cells_(std::move(cells)), f_(f), common_(common) {
  options_ = check_cells(cells_);
  overwritten_ = check_folders(cells_, plan_, f_);
  threads_ = std::max(1, (common_.threads > 0 ? common_.threads : omp_get_max_threads()) / f_.jobs);
}

void CellRunner::prepare() {
  std::size_t finished = 0;
  for (const Cell& cell : cells_)
    finished += state_of(folder_of(cell, f_), request_of(cell, plan_.measure)) == CellState::finished ? 1 : 0;
  trial_.device = common_.device;
  if (finished < cells_.size()) trial_ = try_sweep(plan_, cells_, options_, common_, threads_);
  if (!f_.dry_run) use_.emplace(join_sweep(f_.out, overwritten_));
  add_notes(trial_.notes);
  say_notes();
  if (!common_.quiet || f_.dry_run) announce(plan_, cells_, finished, trial_, f_.jobs, threads_);
}

void CellRunner::run() {
  const std::vector<Job> jobs = jobs_of(cells_, plan_, f_, common_, trial_.device, threads_);
  SweepProgress progress(cells_, f_.out, trial_.seconds_a_cell, f_.jobs, common_.quiet);
  run_jobs(
      jobs, f_.jobs,
      [&](const JobEvent& e) {
        const RunFolder folder = folder_of(cells_[e.job], f_);
        if (e.kind == JobEvent::Kind::failed && !is_there(folder.result("error")))
          folder.write_result("error", {{"error", e.error}});
        ran_out_ = ran_out_ || e.code == static_cast<int>(ExitCode::out_of_memory);
        progress.on(e);
      },
      [&](const std::vector<std::size_t>& running) { progress.idle(running); });
}

double CellRunner::seconds() const { return trial_.seconds_a_cell * static_cast<double>(cells_.size()) / f_.jobs; }

void CellRunner::require_success(const SweepTable& table) const {
  int failed = 0;
  for (const SweepRow& row : table.rows)
    for (const CellFigures& cell : row.cells)
      if (row.logit_scale == 1)
        failed += cell.status == CellFigures::Status::failed || cell.status == CellFigures::Status::missing ? 1 : 0;
  if (failed > 0)
    throw Error(ran_out_ ? ExitCode::out_of_memory : ExitCode::internal,
                str(failed, " cells failed; their errors are in the table and in ", f_.out,
                    "/CELL/log.txt; the same command tries them again"));
}

}  // namespace kelvin
