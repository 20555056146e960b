// kelvin train
#include <CLI/CLI.hpp>

#include "apps/cli/as_flags.h"
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/run_config.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/train_flags.h"
#include "apps/experiment/measure.h"
#include "apps/run/class_order.h"
#include "apps/run/json_fields.h"
#include "apps/run/run_lock.h"
#include "apps/training/convergence.h"
#include "data/hold_out.h"
#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "engine/printable.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

void write_config(const RunFolder& folder, const FlagValues& flags) {
  const std::string text = config_text(flags);
  write_file_atomically(folder.config(), std::as_bytes(std::span(text)));
}

// Searches on a held-out split (--validation, or a tenth of the training images) and stores its choice in the options.
std::string choose(TrainFlags& f, const Dataset& data, const RunFolder& folder, Device device,
                   const CommonOptions& common) {
  Dataset split = data;
  if (split.validation.count == 0) hold_out(split, std::max<std::int64_t>(1, split.train.count / 10), common.seed);
  Progress progress("choosing tau", "images", common.quiet);
  const Search s = choose_temperature(f.options, f.search, split, folder.search(), device, progress.function());
  progress.finish();
  f.options.tau.start = f.options.tau.end = s.chosen.tau;
  f.options.lr.base = s.chosen.lr;
  Json json = to_json(s);
  for (const auto& [name, value] : f.options.flags) json["flags"][name] = escape_bytes(value);
  folder.write_result("tau-search", json);
  return str("chose tau ", s.chosen.tau, ", learning rate ", s.chosen.lr, " from ", f.search.candidates.size(),
             " candidates on ", split.validation.count, " held-out images: ", s.epochs_trained,
             " epochs of search; the full grid takes ", s.grid_epochs,
             s.grid.empty() ? "" : str("; regret against it ", number(100 * s.regret(), 3), " points"), "\n");
}

// Notes about defaults and flags that have another effect with adam than with sgd.
void print_notes(const TrainFlags& f, const CommonOptions& common) {
  if (common.quiet || f.options.optimizer.kind == OptimizerOptions::Kind::sgd) return;
  const char* const optimizer = f.options.optimizer.kind == OptimizerOptions::Kind::adam ? "adam" : "adamw";
  if (!f.lr && !f.is_auto)
    print_note(
        str("learning rate ", number(f.options.lr.base, 6), ", the default of ", optimizer, "; --lr sets another"));
  if (f.options.lr_times_tau)
    print_note(str("--lr-times-tau undoes the 1/tau of the gradient; ", optimizer,
                   "'s steps do not shrink with the gradient, so here it makes them tau times as long"));
}

std::string text_of(const TrainReport& r, const std::string& out) {
  if (r.divergence)
    return str("diverged at step ", r.divergence->step, " (tau ", r.divergence->tau, ", learning rate ",
               r.divergence->lr, "); the last good checkpoint is kept in ", out, "\n");
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (r.last) add("train loss " + number(r.last->train_loss) + ", train accuracy " + percent(r.last->train_accuracy));
  if (r.accuracy) add("test accuracy " + percent(*r.accuracy));
  if (r.ema_accuracy) add("of the averaged weights " + percent(*r.ema_accuracy));
  if (r.last) add(number(r.last->img_per_s, 5) + " images/s");
  text += (text.empty() ? "" : "; ") + str("run folder ", out, "\n");
  if (!r.last || !r.last->validation) return text;
  const ValidationScores& v = *r.last->validation;
  text += "validation accuracy " + percent(v.accuracy);
  if (v.robust_accuracy) text += ", under PGD " + percent(*v.robust_accuracy);
  if (r.best.epoch > 0) text += str("; best.safetensors is epoch ", r.best.epoch, " with ", percent(r.best.score));
  return text + "\n";
}

// Prints the result that a finished run has saved, if it is for the same number of epochs; returns whether it is.
bool print_kept(const TrainFlags& f, const RunFolder& folder, const CommonOptions& common) {
  const Json kept = read_result(folder, "train");
  if (!kept.is_object() || kept.value("epochs", Json()) != f.options.epochs || kept.value("diverged", Json()) != false)
    return false;
  print_result(common, str(printable(f.out), ": finished already, nothing was trained; raise --epochs to go on\n"),
               kept);
  return true;
}

// Trains in a folder whose lock is held.
void run(TrainFlags& f, const CommonOptions& common, const RunFolder& folder) {
  const Device device = open_device(common);
  require_precision(f.options.precision, device);
  const auto or_limit = [&](std::int64_t n) { return n > 0 ? n : f.limit; };
  Dataset data = load_dataset(f.options.data, {.test = Half::optional,
                                               .train_limit = or_limit(f.train_limit),
                                               .test_limit = or_limit(f.test_limit),
                                               .validation = f.validation,
                                               .seed = common.seed});
  f.options.data = with_absolute_path(f.options.data);  // the checkpoint holds the absolute path
  if (f.options.resume) restore_class_order(data, run_info_from(read_safetensors(folder.checkpoint())), f.out);
  print_notes(f, common);
  add_notes(data.notes);
  std::string text;
  if (f.is_auto) {
    write_config(folder, f.options.flags);
    text = choose(f, data, folder, device, common);
    f.options.flags = recorded_flags(f, common, /*searched=*/true);
  }
  f.options.on_ready = [&] {  // all checks have passed
    say_notes();
    if (!common.quiet) print_note("training on " + device_name(device));
    if (f.options.resume) record_flags(folder, f.options.flags);
    write_config(folder, f.options.flags);
  };
  Progress progress("training", "images", common.quiet);
  const TrainReport report = train(f.options, data, folder, device, progress.function());
  progress.finish();
  if (report.epochs_trained == 0 && !report.divergence && print_kept(f, folder, common)) return;
  Json json = to_json(report, f.options, folder);
  json["device"] = name_of(device.kind);
  json["device_name"] = device_name(device);
  if (processes().are_many()) json["ranks"] = processes().size();
  add_device_notes(json);
  folder.write_result("train", json);
  if (report.not_converged && !common.quiet)
    print_note("warning: " + as_flags(text_of(*report.not_converged, f.options.data, f.options.model)));
  print_result(common, text + text_of(report, printable(f.out)), json);
  if (report.divergence)
    throw Error(ExitCode::diverged,
                str("training diverged at step ", report.divergence->step, " with tau ", report.divergence->tau,
                    " and learning rate ", report.divergence->lr, "; try a smaller --lr or a larger --tau"));
}

// Whether the folder holds the beginning of the same training, killed before its first checkpoint, perhaps during a search.
bool is_same_beginning(const RunFolder& folder, const FlagValues& flags) {
  try {
    FlagValues kept = read_config(folder, /*is_escaped=*/true);
    if (is_there(folder.result("tau-search"))) {
      const Json search = read_result(folder, "tau-search");
      const JsonFields values = JsonFields(folder.result("tau-search"), search).object("flags");
      kept.clear();
      for (const auto& [name, value] : search.at("flags").items()) kept[name] = unescape_bytes(values.text(name));
    }
    return first_difference(kept, flags, /*all=*/false).empty();
  } catch (const Error&) {  // no config of ours
    return false;
  }
}

void require_free(const RunFolder& folder, const FlagValues& flags) {
  const std::string name = printable(folder.path.string());
  if (is_there(folder.checkpoint()))
    throw mistake(name, ": holds a run already; continue it with --resume or choose another --out");
  const std::string taken = folder.taken_by();
  if (!taken.empty() && !is_same_beginning(folder, flags))
    throw mistake(name, ": holds ", printable(taken),
                  " of another run or program, which a training would overwrite; choose another --out");
}

// A new run. If no training begins, the written files are removed.
void begin(TrainFlags& f, const CommonOptions& common, const CLI::App& command) {
  resolve(f, common);
  require_applicable(command, f);
  f.options.flags = recorded_flags(f, common, /*searched=*/false);
  const RunFolder folder{f.out};
  const bool is_new = !is_there(folder.path);
  if (!folder.has_lock()) require_free(folder, f.options.flags);  // a folder of another program gets no lock
  folder.create();
  const FileLock lock = lock_run(folder.path);
  require_free(folder, f.options.flags);
  folder.require_own_files();
  const bool is_first = folder.taken_by().empty();
  try {
    run(f, common, folder);
  } catch (...) {
    std::error_code ignored;
    if (is_first && !folder.has_begun() && !std::filesystem::exists(folder.search(), ignored)) folder.discard();
    if (is_new) std::filesystem::remove(folder.path, ignored);  // fails where it holds something
    throw;
  }
}

// --resume: the run's flags are the defaults, and only few may be changed.
void resume(const TrainFlags& given, const CommonOptions& common, const CLI::App& command) {
  if (given.out.empty()) throw mistake("--resume needs --out DIR: the folder of the run to continue");
  const RunFolder folder{given.out};
  const bool has_checkpoint = is_there(folder.checkpoint());
  if (!has_checkpoint && !is_there(folder.config()))
    throw mistake(printable(given.out), ": nothing to resume: no checkpoint.safetensors there");
  const FileLock lock = lock_run(folder.path);
  folder.require_own_files();
  Position position;
  if (has_checkpoint) position = position_from(read_safetensors(folder.checkpoint()));
  std::vector<FlagValues> begun;
  for (const FlagValues& flags : {position.flags, position.flags_before})
    if (!flags.empty()) begun.push_back(flags);
  if (has_checkpoint && begun.empty() && !common.quiet)
    print_note(given.out +
               ": its checkpoint is of an earlier version of kelvin, which kept no digests: whether flags or data have "
               "changed is not checked");
  const FlagValues config = read_config(folder, /*is_escaped=*/!has_checkpoint || !begun.empty());
  CommonOptions kept;
  TrainFlags flags;
  parse_train(kept, flags, resumed_arguments(command, folder, config, begun));
  kept.json = common.json;
  kept.quiet = common.quiet;
  flags.options.resume = has_checkpoint;  // without one, the run had not begun
  flags.options.accept_changed_data = given.options.accept_changed_data;
  resolve(flags, kept);
  flags.options.flags = recorded_flags(flags, kept, /*searched=*/false);
  run(flags, kept, folder);
}

}  // namespace

void add_train(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<TrainFlags>();
  CLI::App* const c = declare_train(app, common, *f);
  c->callback([f, &common, c] { f->options.resume ? resume(*f, common, *c) : begin(*f, common, *c); });
}

}  // namespace kelvin
