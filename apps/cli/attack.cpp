// kelvin attack
#include <algorithm>
#include <map>

#include "apps/analysis/logit_scale.h"
#include "apps/attacks/settings.h"
#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"
#include "apps/evaluation/shared_batches.h"
#include "apps/report/examples.h"
#include "apps/run/json_output.h"
#include "data/npy.h"
#include "engine/atomic_file.h"

namespace kelvin {
namespace {

struct AttackFlags {
  double logit_scale = 1;
  TargetOptions target;
  AttackOptions options;
  std::map<std::string, std::string> own;  // given options that not every attack has
  std::string save, save_results, label;
  CLI::App* command = nullptr;
};

// A part of a file name, short enough that suffixes can be added.
void check_label(const std::string& label) {
  constexpr std::size_t kLongest = 200;
  if (label.find('/') != std::string::npos)
    throw mistake("--label ", label, ": becomes part of a file's name and cannot hold a '/'");
  if (label.size() > kLongest)
    throw mistake("--label: ", label.size(), " bytes, at most ", kLongest, " fit into a file's name");
}

void resolve(AttackFlags& f, const CommonOptions& common) {
  AttackOptions& o = f.options;
  if (is_given(*f.command, "loss")) require_taken("loss", o.attack, o.norm);
  set_own(o, f.own);
  o.seed = common.seed;
  o.batch_size = f.target.batch_size;
  if (!is_given(*f.command, "eps")) o.eps = usual_eps(o.norm);
  if (is_given(*f.command, "save-adversarial")) require_writable("--save-adversarial", f.save);
  if (is_given(*f.command, "save-results")) require_writable("--save-results", f.save_results);
  check_label(f.label);
}

struct Names {
  std::string label, variant;  // variant: the part of the label with the unusual settings
};
Names names_of(const AttackFlags& f, const Target& target) {
  if (!f.label.empty()) return {f.label, ""};
  const AttackOptions& o = f.options;
  std::string label = o.attack, variant = o.norm == Norm::l2 ? "-l2" : "";
  if (takes("loss", o.attack, o.norm) && o.attack != "autoattack") {
    label += str("-", name_of(o.loss), "-tau", o.attack_tau);
  } else {
    if (o.attack == "autoattack") label += "-" + o.autoattack.version;
    if (o.loss != AttackLoss::cross_entropy) variant += str("-", name_of(o.loss));
    if (o.attack_tau != 1) variant += str("-tau", o.attack_tau);
  }
  if (o.targeting != Targeting::none)
    variant += str("-targeted-", o.targeting == Targeting::fixed ? str(o.target_class) : name_of(o.targeting));
  variant += unusual_settings(o);
  if (f.logit_scale != 1) variant += str("-logits-x", f.logit_scale);
  variant += target.variant;
  return {label + variant, variant.empty() ? "" : variant.substr(1)};
}

// The displacement of the attack and the point it is measured from: a random start may be ε away in the other direction.
std::string displacement_text(const AttackOptions& o, const AttackResult& r) {
  const std::string figure = number(r.mean_displacement());
  if (!moves_from_start(o)) return "mean L-infinity distance of the images found from their originals " + figure;
  const bool starts_at_random = o.attack == "pgd" && o.pgd.random_start;
  return str("mean move from the start ", figure, " (L-infinity, at most ", starts_at_random ? "2 eps)" : "eps)");
}

std::string text_of(const AttackFlags& f, const AttackResult& r) {
  const AttackOptions& o = f.options;
  std::string text = str(title_of(o), ", eps ", number(static_cast<double>(o.eps)), " ", name_in(norms(), o.norm),
                         ": robust accuracy ", percent(r.robust_accuracy()), " (clean ", percent(r.clean_accuracy()),
                         ") on ", r.images.size(), " images\n");
  if (has_targets(o))
    text += str("the target was reached on ", percent(r.target_success_rate()), " of the images of other classes\n");
  text += str("zero-gradient fraction ", percent(r.zero_gradient_fraction()), ", median margin ",
              number(r.margin_percentile(50)), ", ", displacement_text(o, r), "\n");
  for (const MemberSummary& m : r.members)
    text += str(m.name, ": broke ", m.broken, " of ", m.attacked, ", robust accuracy after it ",
                percent(m.robust_accuracy), ", ", number(m.seconds), " s\n");
  for (const std::string& warning : r.warnings) text += "warning: " + warning + "\n";
  if (r.zero_gradient_fraction() > 0 && r.members.empty())
    text +=
        "warning: some images have no gradient at all under this loss; the attack never moved them. Try --loss "
        "log-odds.\n";
  return text;
}

// One JSON line for each image.
void write_lines(const std::string& path, const AttackResult& result) {
  write_file_atomically(path, [&](std::ostream& out) {
    for (std::size_t i = 0; i < result.images.size(); ++i)
      out << to_text(to_json(result.images[i], static_cast<std::int64_t>(i), result)) << '\n';
  });
}

void run(AttackFlags& f, const CommonOptions& common) {
  resolve(f, common);
  const Target target = open_target(f.target, common);
  const LogitScale scaled(*target.trained.model, static_cast<float>(f.logit_scale));
  const ImageSet& test = target.data.test;
  std::vector<float> saved(f.save.empty() ? 0 : static_cast<std::size_t>(test.count * test.pixels()));
  ExampleStrip strip;
  Progress progress(title_of(f.options), "images", common.quiet);
  const AttackResult result = attack(
      *target.trained.model, test, f.options,
      [&](std::int64_t first, const Tensor& clean, const Tensor& adversarial) {
        strip.add(first, clean, adversarial);
        if (!f.save.empty()) std::ranges::copy(adversarial.to_host<float>(), saved.begin() + first * test.pixels());
      },
      [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
  share_rows(std::span(saved), test.pixels(), f.options.batch_size);
  progress.finish();
  const Names names = names_of(f, target);
  Json json = to_json(result, f.options, names.label, title_of(f.options), target.trained.info.train_tau);
  json["variant"] = names.variant;
  json["notes"] = target.notes;
  if (f.logit_scale != 1) json["logit_scale"] = f.logit_scale;
  add_device_notes(json);
  keep_and_print(common, text_of(f, result), json, [&] {
    Json kept = json;
    kept["examples"] = strip.to_json(result);
    kept["class_names"] = target.classes->output_names();
    target.save_as("attack-" + names.label, kept);
    if (!f.save.empty())
      write_npy(f.save, std::span<const float>(saved), {test.count, test.height, test.width, test.channels});
    if (!f.save_results.empty()) write_lines(f.save_results, result);
  });
}

}  // namespace

void add_attack(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<AttackFlags>();
  CLI::App* const c =
      add_command(app, common, "attack", "Accuracy under a gradient attack, with the diagnostics of its gradient",
                  "  kelvin attack runs/tau50\n"
                  "  kelvin attack runs/tau50 --loss log-odds\n"
                  "  kelvin attack runs/tau50 --attack-tau 50 --eps 4/255 --steps 50\n"
                  "  kelvin attack runs/tau50 --attack autoattack --limit 500 --save-results images.jsonl\n"
                  "  kelvin attack runs/tau1 --targeted least-likely --norm l2 --eps 0.5",
                  [f, &common] { run(*f, common); });
  f->command = c;
  add_target_options(*c, f->target);
  add_fields(*c, group("Attack", joined({attack_fields(f->options), kept_as_text(all_own_fields, f->own)})));
  add_fields(*c,
             group("Output",
                   {basic(field("save-adversarial", f->save, "Write the returned images as .npy float32 [N, H, W, C]")),
                    basic(field("save-results", f->save_results, "Write one JSON line an image")),
                    field("logit-scale", f->logit_scale, above(0),
                          "Multiply the logits: the same classifier, another loss surface"),
                    field("label", f->label,
                          "Name of the result file: results/attack-LABEL.json; default: the attack and what is "
                          "not usual about it")}));
}

}  // namespace kelvin
