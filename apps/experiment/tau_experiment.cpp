#include "apps/experiment/tau_experiment.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "apps/evaluation/percent.h"
#include "apps/report/text_table.h"
#include "apps/run/json_fields.h"
#include "apps/run/precisions.h"
#include "apps/run/run_lock.h"
#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

constexpr double kNoticeable = 0.02;  // differences of robust accuracy worth a sentence

// All settings that determine the results of one temperature, as TOML. They are saved in the run folder, and the next call compares them.
std::string settings_of(double tau, const ExperimentOptions& o, const Dataset& data) {
  const TrainOptions& t = o.train;
  return str("# One temperature of the tau experiment\n[train]\ndata = \"", t.data,
             "\"\ntrain-limit = ", data.train.count, "\ntest-limit = ", data.test.count, "\nmodel = \"", t.model,
             "\"\ntau = ", tau, "\nepochs = ", t.epochs, "\nbatch-size = ", t.batch_size, "\nlr = ", t.lr.base,
             "\nlr-times-tau = ", t.lr_times_tau ? "true" : "false", "\nmomentum = ", t.optimizer.momentum,
             "\nweight-decay = ", t.optimizer.weight_decay, "\nprecision = \"", name_in(precisions(), t.precision),
             "\"\nseed = ", t.seed, "\n", "# measured with eps ", o.attack.eps, ", step ",
             o.attack.pgd.step_in(o.attack.eps), ", ", o.attack.pgd.steps, " steps on ", o.attack_limit,
             " images; corruptions at severity ", o.severity, " on ", o.corrupt_limit, " images; geometry on ",
             o.geometry_limit, " images\n");
}

// What the folder holds for these settings.
enum class Kept { nothing, part, all };
Kept kept_in(const RunFolder& folder, const std::string& settings) {
  const std::string taken = folder.taken_by();
  if (taken.empty()) return Kept::nothing;
  if (!is_there(folder.config()) || folder.read_text(folder.config()) != settings)
    throw mistake(printable(folder.path.string()), ": holds ", printable(taken),
                  " of another run, or of this experiment with other settings; choose another ", "out"_field);
  return is_there(folder.result("done")) ? Kept::all : Kept::part;
}

ExperimentRow row_from(const RunFolder& folder, double tau) {
  const auto with = [&folder](const std::string& name, const auto& read) {
    const Json json = read_result(folder, name);
    read(JsonFields(folder.result(name), json));
  };
  ExperimentRow row;
  row.tau = tau;
  with("train", [&](const JsonFields& f) {
    row.diverged = f.flag("diverged");
    if (row.diverged)
      row.divergence =
          str("at step ", f.object("divergence").integer("step", 0, std::numeric_limits<std::int64_t>::max()));
    if (f.has("not_converged")) row.not_converged = f.object("not_converged").text("reason");
    if (f.has("train_loss")) row.train_loss = f.number("train_loss");
  });
  if (row.diverged) return row;
  with("evaluate", [&](const JsonFields& f) { row.clean = f.number("accuracy"); });
  with("corrupt", [&](const JsonFields& f) { row.corrupted = f.number("mean_accuracy"); });
  with("attack-pgd-ce-tau1", [&](const JsonFields& f) {
    row.pgd_tau1 = f.number("robust_accuracy");
    row.zero_gradient_fraction = f.number_or_nan("zero_gradient_fraction");
    row.median_margin = f.number_or_nan("median_margin");
  });
  with("attack-pgd-ce-tau-train", [&](const JsonFields& f) { row.pgd_tau_train = f.number("robust_accuracy"); });
  with("attack-pgd-log-odds", [&](const JsonFields& f) { row.pgd_log_odds = f.number("robust_accuracy"); });
  with("geometry", [&](const JsonFields& f) {
    row.distance_variance = f.number_or_nan("mean_distance_variance");
    row.coefficient_of_variation = f.number_or_nan("coefficient_of_variation");
  });
  return row;
}

// The audit takes as long as all other measurements together, so it looks at two models: the τ nearest to 1, and the highest.
bool is_audited(double tau, const ExperimentOptions& o) {
  const auto distance = [](double t) { return std::abs(std::log(t)); };
  const double nearest = std::ranges::min(o.taus, {}, distance);
  return tau == nearest || tau == std::ranges::max(o.taus);
}

std::vector<Measurement> measurements(double tau, const ExperimentOptions& o) {
  std::vector<Measurement> list(2);
  list[1].kind = Measurement::Kind::corruptions;
  list[1].severity = o.severity;
  list[1].seed = o.train.seed;
  list[1].limit = o.corrupt_limit;
  const std::vector<Measurement> attacks = three_losses(o.attack, o.attack_limit);
  list.insert(list.end(), attacks.begin(), attacks.end());
  list.push_back({});
  list.back().kind = Measurement::Kind::geometry;
  list.back().limit = o.geometry_limit;
  list.push_back({});
  list.back().kind = Measurement::Kind::gradient_study;
  list.back().limit = o.gradient_limit;
  for (const Targeting targeting : {Targeting::random, Targeting::all}) {
    Measurement targeted = attacks.front();
    targeted.name = targeting == Targeting::all ? "pgd-ce-targeted-all" : "pgd-ce-targeted";
    targeted.attack.targeting = targeting;
    targeted.limit = o.attack_limit == 0 ? o.targeted_limit : std::min(o.attack_limit, o.targeted_limit);
    list.push_back(std::move(targeted));
  }
  if (is_audited(tau, o)) {
    list.push_back({});
    list.back().kind = Measurement::Kind::audit;
    list.back().attack = o.attack;
    list.back().limit =
        o.attack_limit == 0 ? o.audit_limit : std::clamp<std::int64_t>(o.attack_limit / 5, 1, o.audit_limit);
    list.back().queries = 300;
    list.back().random_points = 200;
  }
  return list;
}

// What a folder holds of a temperature. A finished folder of an earlier version may lack a measurement that is made now.
Kept kept_in(const RunFolder& folder, const std::string& settings, const std::vector<Measurement>& list) {
  const Kept kept = kept_in(folder, settings);
  const Json train = kept == Kept::all ? read_result(folder, "train") : Json();
  if (kept != Kept::all || (train.is_object() && train.value("diverged", false))) return kept;
  const bool has_all =
      std::ranges::all_of(list, [&](const Measurement& m) { return is_there(folder.result(result_name(m))); });
  return has_all ? Kept::all : Kept::part;
}

}  // namespace

RunFolder folder_of(double tau, const ExperimentOptions& options) { return {options.out / str("tau-", tau)}; }

void require_own_folders(const ExperimentOptions& o, const Dataset& data) {
  for (const double tau : o.taus) (void)kept_in(folder_of(tau, o), settings_of(tau, o, data));
}

ExperimentRow run_temperature(double tau, const ExperimentOptions& o, const Dataset& data, Device device,
                              const StageProgress& progress) {
  const RunFolder folder = folder_of(tau, o);
  const std::string settings = settings_of(tau, o, data);
  const std::vector<Measurement> list = measurements(tau, o);
  if (kept_in(folder, settings, list) == Kept::all) return row_from(folder, tau);
  folder.create();
  const FileLock lock = lock_run(folder.path);
  folder.require_own_files();
  const Kept kept = kept_in(folder, settings, list);  // another quickstart may have finished it since
  if (kept == Kept::all) return row_from(folder, tau);
  if (kept == Kept::nothing) write_file_atomically(folder.config(), std::as_bytes(std::span(settings)));

  TrainOptions train_options = o.train;
  train_options.tau = {.kind = TemperatureSchedule::Kind::constant, .start = tau, .end = tau};
  train_options.resume = is_there(folder.checkpoint());
  const TrainReport report =
      train(train_options, data, folder, device, [&](std::int64_t done, std::int64_t total, const std::string& note) {
        if (progress) progress("training", done, total, note);
      });
  // A folder of an earlier version, whose checkpoint does not hold its last epoch's figures, keeps its results.
  if (report.last || !read_result(folder, "train").is_object())
    folder.write_result("train", to_json(report, train_options, folder));
  if (!report.divergence) {
    const SafetensorsFile file = open_checkpoint(folder);
    const TrainedModel trained = build_trained_model(file, run_info_from(file), device);
    measure(*trained.model, tau, list, data, folder, progress);
  }
  folder.write_result("done", Json::object());
  return row_from(folder, tau);
}

std::string table_of(const std::vector<ExperimentRow>& rows) {
  const auto percent = [](double v) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f", 100 * v);
    return std::string(text);
  };
  TextTable table({"τ", "train loss", "clean %", "corrupted %", "PGD attack τ=1 %", "PGD attack τ=train τ %",
                   "PGD log-odds %", "CE − log-odds", "zero grad. %", "median margin", "dist. var.", "dist. CV"});
  for (const ExperimentRow& r : rows) {
    if (r.diverged) {
      table.add({str(r.tau), "diverged", "–", "–", "–", "–", "–", "–", "–", "–", "–", "–"});
    } else {
      table.add({str(r.tau, r.not_converged.empty() ? "" : " (not converged)"),
                 r.train_loss ? three_digits(*r.train_loss) : "–", percent(r.clean), percent(r.corrupted),
                 percent(r.pgd_tau1), percent(r.pgd_tau_train), percent(r.pgd_log_odds), percent(r.loss_gap()),
                 percent(r.zero_gradient_fraction), three_digits(r.median_margin), three_digits(r.distance_variance),
                 three_digits(r.coefficient_of_variation)});
    }
  }
  return table.str();
}

std::string reading_of(const std::vector<ExperimentRow>& rows) {
  const auto points = [](double fraction_of_one) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f", 100 * fraction_of_one);
    return std::string(text);
  };
  const ExperimentRow* widest = nullptr;
  for (const ExperimentRow& r : rows)
    if (!r.diverged && (widest == nullptr || r.loss_gap() > widest->loss_gap())) widest = &r;
  if (widest == nullptr) return "Every run diverged: nothing can be said about robustness.";
  std::string text =
      str("The widest CE − log-odds gap is ", points(widest->loss_gap()), " points, at τ = ", widest->tau, ": ");
  if (widest->loss_gap() > kNoticeable) {
    text += str("PGD on cross-entropy at attack τ = 1 leaves ", points(widest->pgd_tau1),
                " % standing, the same attack on the log-odds loss, whose gradient cannot vanish, leaves ",
                points(widest->pgd_log_odds), " %. On ", points(widest->zero_gradient_fraction),
                " % of the correctly classified images the first attack had a gradient of exactly zero (median margin ",
                widest->median_margin, "; float32 cross-entropy loses its gradient at about 104). ",
                widest->zero_gradient_fraction > 0
                    ? "That difference is an attack that did not run, not a boundary that moved."
                    : "No gradient vanished: one attack is stronger than the other, nothing was hidden.");
  } else {
    text +=
        "here the two losses agree, so the robustness at attack τ = 1 is no artefact of saturation, as far as these "
        "attacks "
        "can tell.";
  }
  for (const ExperimentRow& r : rows)
    if (!r.not_converged.empty())
      text += str(" The training at τ = ", r.tau, " has not converged (", r.not_converged, ").");
  for (const ExperimentRow& r : rows)
    if (!r.diverged && r.pgd_log_odds - r.pgd_tau_train > kNoticeable)
      text +=
          str(" At τ = ", r.tau, " the attack at the training τ is stronger than log-odds (", points(r.pgd_tau_train),
              r.tau < 1 ? " % left): logits this small make a loss at τ = 1 weigh all wrong classes alike."
                        : " % left): on logits this large a loss at τ = 1 follows the nearest wrong class alone.");
  return text;
}

Json to_json(const ExperimentRow& r) {
  if (r.diverged) return {{"tau", r.tau}, {"diverged", true}, {"divergence", r.divergence}};
  return {{"tau", r.tau},
          {"diverged", false},
          {"not_converged", r.not_converged.empty() ? Json() : Json(r.not_converged)},
          {"train_loss", r.train_loss ? Json(*r.train_loss) : Json()},
          {"clean_accuracy", r.clean},
          {"corruption_accuracy", r.corrupted},
          {"pgd_ce_tau1", r.pgd_tau1},
          {"pgd_ce_tau_train", r.pgd_tau_train},
          {"pgd_log_odds", r.pgd_log_odds},
          {"ce_log_odds_gap", r.loss_gap()},
          {"masking_gap", r.loss_gap()},  // its former name
          {"zero_gradient_fraction", r.zero_gradient_fraction},
          {"median_margin", r.median_margin},
          {"distance_variance", r.distance_variance},
          {"coefficient_of_variation", r.coefficient_of_variation}};
}

}  // namespace kelvin
