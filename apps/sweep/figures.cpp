// Reading a cell's folder into the numbers of its row.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "apps/run/json_fields.h"
#include "apps/sweep/table.h"
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

// The per-image minimum; if the lengths differ, on the images that both have.
Images minimum(const Images& a, const Images& b) {
  Images least;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) least.push_back(std::min(a[i], b[i]));
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
      number("train_loss", train, "train_loss");
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
    corruptions();
    attacks();
    const JsonFields geometry = result("geometry");
    number("coefficient_of_variation", geometry, "coefficient_of_variation");
    const JsonFields audit = result("audit");
    number("audit_worst_case", audit, "worst_case");
    targeted();
    const JsonFields boundary = result("boundary-distance"), gradients = result("gradients-train-tau");
    number("median_distance", boundary, "median_distance");
    number("mean_distance", boundary, "mean_distance");
    if (gradients.has("rows"))
      for (const JsonFields& row : gradients.objects("rows")) number("alpha_entropy", row, "alpha_entropy");
  }

  void corruptions() {
    const JsonFields corrupted = result("corrupt");
    if (!corrupted.has("rows")) return;
    number("corrupted", corrupted, "mean_accuracy");
    Images total;
    for (const JsonFields& row : corrupted.objects("rows")) {
      const Images one = images_of(row);
      total.resize(one.size());
      for (std::size_t i = 0; i < one.size(); ++i) total[i] += one[i];
    }
    if (!total.empty()) f_.images["corrupted"] = total;
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

  void attacks() {
    Images sound, all;
    const JsonFields paper = result("attack-pgd-ce-tau1");
    for (const auto& [key, name, is_sound] :
         {std::tuple{"pgd_ce_tau1", "attack-pgd-ce-tau1", false}, std::tuple{"cw", "attack-cw", true},
          std::tuple{"pgd_log_odds", "attack-pgd-log-odds", true},
          std::tuple{"pgd_ce_tau_train", "attack-pgd-ce-tau-train", true}}) {
      const Images images = images_of(result(name));
      if (images.empty()) continue;
      share(key, images);
      all = all.empty() ? images : minimum(all, images);
      if (is_sound) sound = sound.empty() ? images : minimum(sound, images);
    }
    number("zero_gradient_fraction", paper, "zero_gradient_fraction");
    number("median_margin", paper, "median_margin");
    if (all.empty()) return;
    share("sound", sound);
    const Images worst = images_of(result("worst-case"));
    // Without a worst case the sound minimum replaces it, and the column says so (SweepTable::gap_to).
    const Images least = !worst.empty() ? minimum(worst, all) : !sound.empty() ? sound : all;
    if (!worst.empty()) share("worst_case", worst);
    const Images seen = images_of(paper);
    if (!seen.empty())
      f_.values["masking_gap"] =
          mean_of({seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(std::min(seen.size(), least.size()))}) -
          mean_of(least);
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
                                                   {"pgd_ce_tau1", "PGD τ=1 %", true},
                                                   {"cw", "C&W %", true},
                                                   {"pgd_log_odds", "PGD log-odds %", true},
                                                   {"pgd_ce_tau_train", "PGD τ=train %", true},
                                                   {"sound", "sound min %", true},
                                                   {"worst_case", "worst case %", true},
                                                   {"audit_worst_case", "audit worst %", true},
                                                   {"untargeted_ce", "untargeted CE %", true},
                                                   {"targeted_ce", "targeted CE %", true},
                                                   {"target_reached_ce", "target reached, CE %", true},
                                                   {"untargeted_margin", "untargeted margin %", true},
                                                   {"targeted_margin", "targeted margin %", true},
                                                   {"target_reached_margin", "target reached, margin %", true},
                                                   {"masking_gap", "masking gap", true},
                                                   {"zero_gradient_fraction", "zero grad. %", true},
                                                   {"median_margin", "median margin", false},
                                                   {"coefficient_of_variation", "dist. CV", false},
                                                   {"median_distance", "median L∞ dist.", false},
                                                   {"mean_distance", "mean L∞ dist.", false},
                                                   {"alpha_entropy", "entropy of α", false},
                                                   {"nll", "NLL", false},
                                                   {"ece", "ECE %", true}};
  return columns;
}

CellFigures read_figures(const RunFolder& folder, double logit_scale) { return Reader(folder, logit_scale).read(); }

}  // namespace kelvin
