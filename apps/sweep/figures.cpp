// Reading a cell's folder into the numbers of its row.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "apps/run/json_fields.h"
#include "apps/sweep/table.h"
#include "apps/training/logged_steps.h"
#include "engine/checked_json.h"
#include "engine/input_file.h"

namespace kelvin {
namespace {

using Images = std::vector<double>;

Images images_of(const JsonFields& result) {
  Images images;
  if (!result.has("correct")) return images;
  for (const char c : result.text("correct")) {
    if (c != '0' && c != '1') throw result.unlike("correct", "a text of 0 and 1");
    images.push_back(c - '0');
  }
  return images;
}

double mean_of(const Images& images) {
  double sum = 0;
  for (const double v : images) sum += v;
  return images.empty() ? std::nan("") : sum / static_cast<double>(images.size());
}

// The per-image minimum; one of them may be empty.
Images minimum(const Images& a, const Images& b) {
  Images least = a.empty() ? b : a;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) least[i] = std::min(a[i], b[i]);
  return least;
}

class Reader {
 public:
  Reader(const RunFolder& folder, double logit_scale)
      : folder_(folder), suffix_(logit_scale != 1 ? str("-logits-x", logit_scale) : "") {}

  CellFigures read() {
    try {
      read_state();
    } catch (const Error& e) {
      if (e.code() != ExitCode::mistake) throw;
      throw mistake(e.message(), "; remove it and done.json beside it, and the same sweep makes them again");
    }
    return std::move(f_);
  }

 private:
  void read_state() {
    const JsonFields train = kept("train");
    if (has("error")) {
      const JsonFields error = kept("error");
      f_.status = CellFigures::Status::failed;
      f_.detail = error.has("error") ? error.text("error") : "unknown error";
    } else if (train.has("diverged") && train.flag("diverged")) {
      f_.status = CellFigures::Status::diverged;
      f_.detail = str("at step ", train.object("divergence").integer("step", 0, INT64_MAX));
    } else if (has("done")) {
      f_.status = CellFigures::Status::done;
      f_.has_converged = !train.has("not_converged");
      if (!f_.has_converged) f_.detail = "not converged: " + train.object("not_converged").text("reason");
      number("train_loss", train, "train_loss");
      if (const double roughness = loss_roughness(logged_steps(folder_)); !std::isnan(roughness))
        f_.values["loss_roughness"] = roughness;
      read_results();
    }
  }

  [[nodiscard]] bool has(const std::string& name) const { return is_there(folder_.result(name)); }
  // An object without fields if there is no such file. A damaged file is a mistake, so that no figure disappears silently.
  [[nodiscard]] JsonFields kept(const std::string& name) {
    const std::filesystem::path path = folder_.result(name);
    auto found = files_.find(name);
    if (found == files_.end()) found = files_.emplace(name, has(name) ? read_checked_json(path) : Json::object()).first;
    return {path, found->second};
  }
  [[nodiscard]] JsonFields result(const std::string& name) { return kept(name + suffix_); }

  void number(const std::string& key, const JsonFields& from, const char* name) {
    if (from.has(name)) f_.values[key] = from.number(name);
  }
  void share(const std::string& key, const Images& images) {
    if (images.empty()) return;
    f_.values[key] = mean_of(images);
    f_.images[key] = images;
  }

  void read_results() {
    const JsonFields evaluated = result("evaluate");
    share("clean", images_of(evaluated));
    number("nll", evaluated, "nll");
    number("ece", evaluated, "ece");
    corruptions("corrupted", "corrupt");
    for (const int severity : {1, 2, 3, 4, 5})
      corruptions(str("corrupted_", severity), str("corrupt-severity-", severity));
    attacks();
    const JsonFields geometry = result("geometry");
    number("coefficient_of_variation", geometry, "coefficient_of_variation");
    number("unit_coefficient_of_variation", geometry, "cosine_coefficient_of_variation");
    const JsonFields audit = result("audit");
    number("audit_worst_case", audit, "worst_case");
    targeted();
    const JsonFields boundary = result("boundary-distance"), gradients = result("gradients-train-tau");
    number("median_distance", boundary, "median_distance");
    number("mean_distance", boundary, "mean_distance");
    if (gradients.has("rows"))
      for (const JsonFields& row : gradients.objects("rows")) number("alpha_entropy", row, "alpha_entropy");
  }

  void corruptions(const std::string& key, const std::string& name) {
    const JsonFields corrupted = result(name);
    if (!corrupted.has("rows")) return;
    number(key, corrupted, "mean_accuracy");
    Images total;
    for (const JsonFields& row : corrupted.objects("rows")) {
      const Images one = images_of(row);
      total.resize(one.size());
      for (std::size_t i = 0; i < one.size(); ++i) total[i] += one[i];
    }
    if (total.empty()) return;
    f_.images[key] = total;
    f_.trials[key] = static_cast<double>(corrupted.objects("rows").size());
  }

  void targeted() {
    for (const auto& [key, name] :
         {std::pair{"untargeted_ce", "attack-pgd-ce-untargeted"}, std::pair{"targeted_ce", "attack-pgd-ce-targeted"},
          std::pair{"untargeted_margin", "attack-pgd-margin-untargeted"},
          std::pair{"targeted_margin", "attack-pgd-margin-targeted"}})
      share(key, images_of(result(name)));
    number("target_reached_ce", result("attack-pgd-ce-targeted"), "target_success_rate");
    number("target_reached_margin", result("attack-pgd-margin-targeted"), "target_success_rate");
  }

  // All of them on the same images, the first ones: so no minimum can exceed what it is a minimum of.
  void attacks() {
    struct Attack {
      const char *key, *name;
      bool is_sound;
      Images images = {};
    };
    std::vector<Attack> list = {{"pgd_ce_tau1", "attack-pgd-ce-tau1", false},
                                {"cw", "attack-cw", true},
                                {"pgd_log_odds", "attack-pgd-log-odds", true},
                                {"pgd_ce_tau_train", "attack-pgd-ce-tau-train", true},
                                {"worst_case", "worst-case", false}};
    for (Attack& a : list) {
      a.images = images_of(result(a.name));
      if (!a.images.empty()) f_.attacked = f_.attacked == 0 ? a.images.size() : std::min(f_.attacked, a.images.size());
    }
    Images sound, all;
    for (Attack& a : list) {
      a.images.resize(std::min(a.images.size(), f_.attacked));
      if (a.is_sound) sound = minimum(sound, a.images);
      all = minimum(all, a.images);
    }
    Images& worst = list.back().images;
    const bool has_worst = !worst.empty();
    if (has_worst) worst = all;
    for (const Attack& a : list) share(a.key, a.images);
    share("sound", sound);
    const JsonFields paper = result("attack-pgd-ce-tau1");
    number("zero_gradient_fraction", paper, "zero_gradient_fraction");
    number("median_margin", paper, "median_margin");
    // Without a worst case the sound minimum replaces it, and the column says so (SweepTable::gap_to).
    const Images& seen = list.front().images;
    if (!seen.empty()) f_.values["attack_gap"] = mean_of(seen) - mean_of(has_worst || sound.empty() ? all : sound);
  }

  RunFolder folder_;
  std::string suffix_;
  std::map<std::string, Json> files_;  // as they were read
  CellFigures f_;
};

}  // namespace

const std::vector<SweepColumn>& sweep_columns() {
  static const std::vector<SweepColumn> columns = {{"train_loss", "train loss", false},
                                                   {"clean", "clean %", true},
                                                   {"corrupted", "corrupted %", true},
                                                   {"corrupted_1", "severity 1 %", true},
                                                   {"corrupted_2", "severity 2 %", true},
                                                   {"corrupted_3", "severity 3 %", true},
                                                   {"corrupted_4", "severity 4 %", true},
                                                   {"corrupted_5", "severity 5 %", true},
                                                   {"pgd_ce_tau1", "PGD CE (attack τ=1) %", true},
                                                   {"cw", "PGD margin (C&W L∞) %", true},
                                                   {"pgd_log_odds", "PGD log-odds %", true},
                                                   {"pgd_ce_tau_train", "PGD CE (attack τ=training τ) %", true},
                                                   {"sound", "sound min %", true},
                                                   {"worst_case", "worst case %", true},
                                                   {"audit_worst_case", "audit worst %", true},
                                                   {"untargeted_ce", "untargeted CE %", true},
                                                   {"targeted_ce", "targeted CE %", true},
                                                   {"target_reached_ce", "target reached, CE %", true},
                                                   {"untargeted_margin", "untargeted margin %", true},
                                                   {"targeted_margin", "targeted margin %", true},
                                                   {"target_reached_margin", "target reached, margin %", true},
                                                   {"attack_gap", "attack gap", true, "masking_gap"},
                                                   {"zero_gradient_fraction", "zero grad. %", true},
                                                   {"median_margin", "median margin (all images)", false},
                                                   {"coefficient_of_variation", "dist. CV", false},
                                                   {"unit_coefficient_of_variation", "dist. CV, unit vectors", false},
                                                   {"median_distance", "median L∞ dist.", false},
                                                   {"mean_distance", "mean L∞ dist.", false},
                                                   {"alpha_entropy", "entropy of α", false},
                                                   {"nll", "NLL", false},
                                                   {"ece", "ECE %", true},
                                                   {"loss_roughness", "loss roughness", false}};
  return columns;
}

CellFigures read_figures(const RunFolder& folder, double logit_scale) { return Reader(folder, logit_scale).read(); }

}  // namespace kelvin
