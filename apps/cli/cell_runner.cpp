#include "apps/cli/cell_runner.h"

#include <algorithm>

#include "apps/attacks/settings.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/sweep_progress.h"
#include "apps/cli/train_flags.h"
#include "apps/sweep/gpus.h"
#include "apps/sweep/shared_folder.h"
#include "apps/sweep/sweep_events.h"
#include "engine/atomic_file.h"
#include "engine/child_process.h"
#include "engine/input_file.h"
#include "kernels/processes/processes.h"

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
    if (!f.tensorboard.empty()) job.command.push_back("--tensorboard=" + f.tensorboard);
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
    job.prepare = [folder, request] {
      const OwnFiles own;
      prepare(folder, request);
    };
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

// The cells that have not begun to train.
std::vector<RunFolder> beginning_cells(const std::vector<Cell>& cells, const SweepPlan& plan, const SweepFlags& f) {
  std::vector<RunFolder> beginning;
  for (const Cell& cell : cells)
    if (const RunFolder folder = folder_of(cell, f);
        state_of(folder, request_of(cell, plan.measure)) != CellState::other &&
        training_state(folder) == TrainingState::absent)
      beginning.push_back(folder);
  return beginning;
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

// What rank 0 has found out, on every rank.
SweepTrial of_rank_0(const SweepTrial& own) {
  const Json json = {{"device", own.device}, {"seconds_a_cell", own.seconds_a_cell}, {"notes", own.notes}};
  const std::string text = json.dump();
  const std::vector<Bytes> all = processes().gather(std::as_bytes(std::span(text)), "the plan of a sweep");
  const auto* const begin = reinterpret_cast<const char*>(all[0].data());
  const Json first = Json::parse(begin, begin + all[0].size());
  return {first.at("device"), first.at("seconds_a_cell"), first.at("notes")};
}

}  // namespace

CellRunner::CellRunner(const SweepPlan& plan, std::vector<Cell> cells, const SweepFlags& f, const CommonOptions& common)
    : plan_(plan), cells_(std::move(cells)), f_(f), common_(common) {
  options_ = check_cells(cells_);
  overwritten_ = check_folders(cells_, plan_, f_);
  if (!f_.tensorboard.empty() && !f_.dry_run)
    require_place_for_events(f_.tensorboard, beginning_cells(cells_, plan_, f_));
  const Processes& all = processes();
  std::vector<std::string> gpus;
  if (!f_.devices.empty()) {
    if (common_.device == "cpu")
      throw mistake("--devices ", f_.devices, ": --device cpu uses none; leave one of them out");
    gpus = gpus_in(f_.devices);
  } else if (all.local_size() > 1 && common_.device != "cpu") {
    gpus = gpu_of_rank(all.local_rank());
  }
  const int ranks = all.local_size();
  jobs_ = f_.jobs.value_or(std::max(1, f_.devices.empty() ? 1 : (static_cast<int>(gpus.size()) + ranks - 1) / ranks));
  workers_ = workers_on(gpus, all.local_rank() * jobs_, jobs_);
  threads_ = std::max(1, threads_of(common_) / jobs_);
}

void CellRunner::prepare() {
  Processes& all = processes();
  for (const Cell& cell : cells_)
    finished_ += state_of(folder_of(cell, f_), request_of(cell, plan_.measure)) == CellState::finished ? 1 : 0;
  trial_.device = common_.device;
  if (all.is_first() && finished_ < cells_.size())
    trial_ = try_sweep(plan_, cells_, options_, common_, threads_, workers_.front());
  trial_ = of_rank_0(trial_);  // every rank has looked at the folder before rank 0 changes it
  if (trial_.device == "cpu" && !f_.devices.empty())
    throw mistake("--devices ", f_.devices, ": no GPU can be used here; leave it out");
  if (!f_.dry_run) {
    if (all.is_first()) use_.emplace(join_sweep(f_.out, overwritten_));
    if (all.is_first() && !f_.tensorboard.empty()) remove_events(f_.tensorboard, overwritten_);
    all.barrier("the plan of a sweep");
    if (!all.is_first()) use_.emplace(join_sweep(f_.out, {}));
  }
  add_notes(trial_.notes);
  say_notes();
  if (!common_.quiet || f_.dry_run) announce(plan_, cells_, finished_, trial_, jobs_ * all.size(), threads_);
}

void CellRunner::run() {
  const std::vector<Job> jobs = jobs_of(cells_, plan_, f_, common_, trial_.device, threads_);
  Processes& all = processes();
  SweepProgress progress(cells_, f_.out, trial_.seconds_a_cell, jobs_ * all.size(), common_.quiet);
  run_jobs(
      jobs, workers_,
      [&](const JobEvent& e) {
        const RunFolder folder = folder_of(cells_[e.job], f_);
        const OwnFiles own;
        if (e.kind == JobEvent::Kind::failed && !is_there(folder.result("error")))
          folder.write_result("error", {{"error", e.error}});
        ran_out_ = ran_out_ || e.code == static_cast<int>(ExitCode::out_of_memory);
        const bool is_done = e.kind == JobEvent::Kind::finished || e.kind == JobEvent::Kind::found_done;
        if (is_done && !f_.tensorboard.empty()) write_measured_events(f_.tensorboard, folder);
        progress.on(e);
      },
      [&](const std::vector<std::size_t>& running) {
        progress.idle(running, finished_ + static_cast<std::size_t>(all.tell_progress(progress.ran_here())));
      });
  all.restart_progress("the cells of a sweep");
  ran_out_ = !all.is_true_on_all(!ran_out_, "the cells of a sweep");
}

double CellRunner::seconds() const {
  return trial_.seconds_a_cell * static_cast<double>(cells_.size()) / (jobs_ * processes().size());
}

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
