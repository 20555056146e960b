// kelvin sweep-cell: what `kelvin sweep` starts for each of its cells. Trains with `kelvin train`, then measures.
#include "apps/cli/as_flags.h"
#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/train_flags.h"
#include "apps/sweep/cell.h"
#include "apps/sweep/workers.h"
#include "engine/child_process.h"

namespace kelvin {
namespace {

constexpr int kDiverged = static_cast<int>(ExitCode::diverged);
constexpr int kOutOfMemory = static_cast<int>(ExitCode::out_of_memory);

std::vector<std::string> device_arguments(const CommonOptions& common) {
  std::vector<std::string> a = {"--device=" + common.device, str("--threads=", common.threads),
                                "--autotune=" + common.autotune};
  if (common.tf32) a.emplace_back("--tf32");
  if (common.fast) a.emplace_back("--fast-nondeterministic");
  return a;
}

void train_cell(const RunFolder& folder, const CellRequest& request, const std::string& tensorboard,
                const CommonOptions& common) {
  const TrainingState state = training_state(folder);
  if (state == TrainingState::done || state == TrainingState::diverged) return;
  std::vector<std::string> command = {own_program(), "train"};
  command.insert(command.end(), request.train.begin(), request.train.end());
  const std::vector<std::string> device = device_arguments(common);
  command.insert(command.end(), device.begin(), device.end());
  command.push_back("--out=" + folder.path.string());
  if (!tensorboard.empty()) command.push_back("--tensorboard=" + tensorboard);
  if (state == TrainingState::half_done) command.emplace_back("--resume");
  const int code = ChildProcess({.arguments = command}).wait();
  if (code == 0 || code == kDiverged) return;
  std::string why = code > 128 ? str("ended by signal ", code - 128) : last_line(folder.path / "log.txt");
  if (why.starts_with("kelvin: ")) why.erase(0, 8);
  throw Error(code == kOutOfMemory ? ExitCode::out_of_memory : ExitCode::internal, "training: " + why);
}

void run(const std::string& path, const std::string& tensorboard, const CommonOptions& common) {
  const RunFolder folder{path};
  const CellRequest request = read_request(folder);
  for (const std::string& argument : request.train)  // cell.json may come from anywhere
    if (!is_run_flag(argument))
      throw mistake((folder.path / "cell.json").string(), ": '", argument,
                    "' is no flag that a run keeps; delete the folder and run the sweep again");
  try {
    train_cell(folder, request, tensorboard, common);
    std::string stage;
    std::optional<Progress> progress;
    measure_cell(folder, request, open_device(common),
                 [&](const std::string& name, std::int64_t done, std::int64_t total, const std::string& note) {
                   if (name != stage) progress.emplace(name, "images", common.quiet);
                   stage = name;
                   progress->update(done, total, note);
                 });
  } catch (const Error& e) {
    folder.write_result("error", {{"error", as_flags(e.message())}});
    throw;
  } catch (const std::exception& e) {
    folder.write_result("error", {{"error", e.what()}});
    throw;
  }
}

}  // namespace

void add_sweep_cell(CLI::App& app, CommonOptions& common) {
  auto path = std::make_shared<std::string>(), tensorboard = std::make_shared<std::string>();
  CLI::App* const c = add_command(app, common, "sweep-cell", "One cell of a sweep, for `kelvin sweep`",
                                  "  kelvin sweep-cell sweep/tau-50_seed-0",
                                  [path, tensorboard, &common] { run(*path, *tensorboard, common); });
  hide(*c);
  add_word(*c, "FOLDER", *path, "The cell's folder, with cell.json", true);
  add_fields(*c, {field("tensorboard", *tensorboard, "As that of train")});
}

}  // namespace kelvin
