#include "apps/experiment/measure.h"

#include <optional>

#include "apps/analysis/audit.h"
#include "apps/analysis/geometry.h"
#include "apps/analysis/gradients.h"
#include "apps/analysis/logit_scale.h"
#include "apps/attacks/settings.h"
#include "apps/evaluation/calibration.h"
#include "apps/evaluation/corruptions.h"
#include "apps/evaluation/evaluate.h"
#include "apps/experiment/boundary_distance.h"
#include "apps/report/examples.h"
#include "apps/run/json_fields.h"
#include "data/corruptions.h"
#include "engine/checked_json.h"
#include "engine/input_file.h"

namespace kelvin {
namespace {

constexpr int kMeasuredBatch = 250;

using Bits = std::vector<std::uint8_t>;

AttackOptions attack_options(const Measurement& m, double train_tau) {
  AttackOptions o = m.attack;
  if (m.attacks_at_train_tau) o.attack_tau = train_tau * m.logit_scale;
  o.batch_size = kMeasuredBatch;
  return o;
}

// All settings that determine the result; they are compared as a whole.
Json settings_of(const Measurement& m, double train_tau) {
  const AttackOptions a = attack_options(m, train_tau);
  Json json = {{"name", result_name(m)}, {"limit", m.limit}, {"logit_scale", m.logit_scale}};
  if (m.held_out) json["images"] = "held out";
  if (m.precision) json["precision"] = name_of(*m.precision);
  if (m.kind == Measurement::Kind::corruptions) json.update({{"severity", m.severity}, {"seed", m.seed}});
  if (m.kind == Measurement::Kind::attack || m.kind == Measurement::Kind::worst_case ||
      m.kind == Measurement::Kind::audit || m.kind == Measurement::Kind::distance)
    json.update({{"attack", a.attack},
                 {"version", a.autoattack.version},
                 {"norm", static_cast<int>(a.norm)},
                 {"loss", name_of(a.loss)},
                 {"eps", a.eps},
                 {"step", own_value(a, "step", a.pgd.step_in(a.eps))},
                 {"steps", own_value(a, "steps", 100)},
                 {"restarts", own_value(a, "restarts", 1)},
                 {"attack_tau", a.attack_tau},
                 {"queries", own_value(a, "queries", a.square.queries)},
                 {"targets", own_value(a, "targets", a.apgd_t.targets)},
                 {"seed", a.seed}});
  if (const AuditOptions usual; m.queries != usual.queries || m.random_points != usual.random_points)
    json.update({{"audit_queries", m.queries}, {"random_points", m.random_points}});
  if (a.targeting != Targeting::none) json["targeted"] = name_of(a.targeting);
  return json;
}

Bits robust_images(const AttackResult& r) {
  Bits bits;
  for (const AttackedImage& image : r.images) bits.push_back(image.is_robust() ? 1 : 0);
  return bits;
}

// Whether a result holds one flag for each image, if its measurement writes them.
bool has_images(const Measurement& m, const Json& result) {
  const bool makes_them = m.kind == Measurement::Kind::clean || m.kind == Measurement::Kind::attack ||
                          m.kind == Measurement::Kind::worst_case;
  return !makes_them || result.value("correct", Json()).is_string();
}

class Measurer {
 public:
  Measurer(Model& model, double train_tau, const std::vector<Measurement>& list, const Dataset& data,
           const RunFolder& folder, const StageProgress& progress)
      : model_(model), tau_(train_tau), list_(list), data_(data), folder_(folder), progress_(progress) {}

  void run() {
    for (const Measurement& m : list_) {
      Json settings = settings_of(m, tau_);
      if (m.kind == Measurement::Kind::worst_case) settings["after"] = attacks_before(m);
      const Json kept = read_result(folder_, result_name(m));
      if (kept.is_object() && kept.value("settings", Json()) == settings && has_images(m, kept)) continue;
      Json result = made_under_another_name(m);
      if (result.is_null()) {
        std::optional<LogitScale> scaled;
        if (m.logit_scale != 1) scaled.emplace(model_, static_cast<float>(m.logit_scale));
        result = measured(m);
      }
      result["settings"] = settings;
      folder_.write_result(result_name(m), result);
    }
  }

 private:
  [[nodiscard]] std::function<void(std::int64_t, std::int64_t)> stage(const std::string& name) const {
    return [this, name](std::int64_t done, std::int64_t total) {
      if (progress_) progress_(name, done, total, "");
    };
  }
  [[nodiscard]] ImageSet images(const Measurement& m) const { return data_.test.first(m.limit); }

  // The result of an earlier attack of the list whose settings are the same except for the name; null if there is none.
  [[nodiscard]] Json made_under_another_name(const Measurement& m) const {
    if (m.kind != Measurement::Kind::attack) return {};
    for (const Measurement& earlier : list_) {
      if (&earlier == &m) break;
      Json settings = settings_of(earlier, tau_);
      settings["name"] = result_name(m);
      if (earlier.kind != m.kind || settings != settings_of(m, tau_)) continue;
      Json result = read_result(folder_, result_name(earlier));
      if (result.is_object()) result["label"] = m.name;
      return result;
    }
    return {};
  }

  Json measured(const Measurement& m) {
    switch (m.kind) {
      case Measurement::Kind::clean: return clean(m);
      case Measurement::Kind::corruptions: return corruptions(m);
      case Measurement::Kind::attack: return attacked(m);
      case Measurement::Kind::worst_case: return worst_case(m);
      case Measurement::Kind::geometry: return to_json(measure_geometry(model_, images(m), kMeasuredBatch), tau_);
      case Measurement::Kind::audit: return audited(m);
      case Measurement::Kind::distance: return distance(m);
      case Measurement::Kind::gradients: return gradients(m, {tau_ * m.logit_scale});
      case Measurement::Kind::gradient_study: return gradients(m, GradientOptions{}.taus);
    }
    throw internal_error("unknown kind of measurement");
  }

  Json clean(const Measurement& m) {
    const Predictions p = predict(model_, images(m), kMeasuredBatch, stage("evaluating"));
    Json json = to_json(evaluate(p, 1.0), data_.class_names, 1.0, tau_);
    json["calibration"] = calibrations_of(p, tau_);
    json["correct"] = bits_text(correct_images(p));
    return json;
  }

  Json corruptions(const Measurement& m) {
    const ImageSet clean = images(m);
    const auto progress = [&clean, told = stage("corruptions")](std::size_t done, std::size_t total) {
      told(static_cast<std::int64_t>(done) * clean.count, static_cast<std::int64_t>(total) * clean.count);
    };
    const CorruptionTable table =
        corruption_accuracy(model_, /*baseline=*/nullptr, generated_corruptions(clean, m.seed), corruption_names(),
                            {m.severity}, kMeasuredBatch, {.on_images = {}, .progress = progress});
    Json json = to_json(table, tau_);
    for (std::size_t i = 0; i < table.rows.size(); ++i) json["rows"][i]["correct"] = bits_text(table.rows[i].correct);
    return json;
  }

  Json attacked(const Measurement& m) {
    const AttackOptions options = attack_options(m, tau_);
    ExampleStrip strip;
    const AttackResult result = attack(
        model_, images(m), options,
        [&](std::int64_t first, const Tensor& before, const Tensor& adversarial) {
          strip.add(first, before, adversarial);
        },
        stage(title_of(options)));
    Json json = to_json(result, options, m.name, title_of(options), tau_);
    json["examples"] = strip.to_json(result);
    json["class_names"] = data_.class_names;
    json["correct"] = bits_text(robust_images(result));
    return json;
  }

  // The attacks of the list that a worst case builds on: those before it, on the same logits.
  [[nodiscard]] std::vector<std::string> attacks_before(const Measurement& worst) const {
    std::vector<std::string> names;
    for (const Measurement& m : list_) {
      if (&m == &worst) break;
      if (m.kind == Measurement::Kind::attack && m.logit_scale == worst.logit_scale) names.push_back(result_name(m));
    }
    return names;
  }

  Json worst_case(const Measurement& m) {
    const ImageSet set = images(m);
    Bits standing = correct_images(predict(model_, set, kMeasuredBatch));
    for (const std::string& name : attacks_before(m)) {
      const Json result = read_result(folder_, name);
      const Bits robust = bits_from(JsonFields(folder_.result(name), result).text("correct"));
      for (std::size_t i = 0; i < standing.size() && i < robust.size(); ++i) standing[i] &= robust[i];
    }
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < standing.size(); ++i)
      if (standing[i] != 0) rows.push_back(static_cast<std::int64_t>(i));
    const AttackOptions options = attack_options(m, tau_);
    Json json = {{"n", set.count}, {"attack", options.attack}, {"attacked", rows.size()}, {"train_tau", tau_}};
    if (!rows.empty()) {
      const AttackResult result = attack(model_, set.select(rows), options, {}, stage(title_of(options)));
      for (std::size_t k = 0; k < rows.size(); ++k)
        standing[static_cast<std::size_t>(rows[k])] = result.images[k].is_robust() ? 1 : 0;
      json["warnings"] = result.warnings;
    }
    double robust = 0;
    for (const std::uint8_t s : standing) robust += s;
    json["robust_accuracy"] = standing.empty() ? 0 : robust / static_cast<double>(standing.size());
    json["broken"] = static_cast<double>(rows.size()) - robust;
    json["correct"] = bits_text(standing);
    return json;
  }

  Json audited(const Measurement& m) {
    AuditOptions o;
    o.attack = attack_options(m, tau_);
    o.train_tau = tau_;
    o.queries = m.queries;
    o.random_points = m.random_points;
    std::int64_t done = 0;
    return to_json(audit(model_, images(m), o, [&](const std::string& check) {
      if (progress_) progress_("audit", done++, kAuditChecks, check);
    }));
  }

  Json distance(const Measurement& m) {
    const AttackOptions options = attack_options(m, tau_);
    const AttackResult result = attack(model_, images(m), options, {}, stage("distance, " + title_of(options)));
    Json json = boundary_distances(result);
    json.update({{"attack", options.attack}, {"train_tau", tau_}, {"warnings", result.warnings}});
    return json;
  }

  Json gradients(const Measurement& m, const std::vector<double>& taus) {
    const GradientOptions options{.taus = taus, .batch_size = kMeasuredBatch};
    return to_json(measure_gradients(model_, images(m), options, stage("gradients")), data_.class_names, tau_);
  }

  Model& model_;
  double tau_;
  const std::vector<Measurement>& list_;
  const Dataset& data_;
  const RunFolder& folder_;
  const StageProgress& progress_;
};

}  // namespace

std::vector<Measurement> three_losses(const AttackOptions& base, std::int64_t limit) {
  Measurement m;
  m.kind = Measurement::Kind::attack;
  m.attack = base;
  m.limit = limit;
  std::vector<Measurement> list(3, m);
  list[0].name = "pgd-ce-tau1";
  list[1].name = "pgd-ce-tau-train";
  list[1].attacks_at_train_tau = true;
  list[2].name = "pgd-log-odds";
  list[2].attack.loss = AttackLoss::log_odds;
  return list;
}

std::string result_name(const Measurement& m) {
  const std::string scale = m.logit_scale != 1 ? str("-logits-x", m.logit_scale) : "";
  switch (m.kind) {
    case Measurement::Kind::clean: return "evaluate" + scale;
    case Measurement::Kind::corruptions: return (m.name.empty() ? "corrupt" : "corrupt-" + m.name) + scale;
    case Measurement::Kind::attack: return "attack-" + m.name + scale;
    case Measurement::Kind::worst_case: return "worst-case" + scale;
    case Measurement::Kind::geometry: return "geometry" + scale;
    case Measurement::Kind::audit: return "audit" + scale;
    case Measurement::Kind::distance: return "boundary-distance" + scale;
    case Measurement::Kind::gradients: return "gradients-train-tau" + scale;
    case Measurement::Kind::gradient_study: return "gradients" + scale;
  }
  return "unknown";
}

void measure(Model& model, double train_tau, const std::vector<Measurement>& list, const Dataset& data,
             const RunFolder& folder, const StageProgress& progress) {
  Measurer(model, train_tau, list, data, folder, progress).run();
}

std::string bits_text(const std::vector<std::uint8_t>& bits) {
  std::string text;
  for (const std::uint8_t bit : bits) text += bit != 0 ? '1' : '0';
  return text;
}

std::vector<std::uint8_t> bits_from(const std::string& text) {
  std::vector<std::uint8_t> bits;
  for (const char c : text) bits.push_back(c == '1' ? 1 : 0);
  return bits;
}

Json read_result(const RunFolder& folder, const std::string& name) {
  if (!is_there(folder.result(name))) return {};
  try {
    return read_checked_json(folder.result(name));
  } catch (const Error&) {  // damaged
    return {};
  }
}

}  // namespace kelvin
