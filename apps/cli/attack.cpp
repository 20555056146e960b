// kelvin attack
#include <charconv>

#include "apps/analysis/logit_scale.h"
#include "apps/attacks/settings.h"
#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/cli/target.h"
#include "apps/report/examples.h"
#include "apps/run/json_output.h"
#include "data/npy.h"
#include "engine/atomic_file.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

struct AttackFlags {
  double logit_scale = 1;
  TargetOptions target;
  AttackOptions options;
  std::string norm = "linf", targeted = "none", loss = "ce", save, save_results, label;
  bool no_random_start = false;
  CLI::App* command = nullptr;
  [[nodiscard]] bool has(const std::string& flag) const { return command->count("--" + flag) > 0; }
};

// Part of a file name that has room for what is added to it.
void check_label(const std::string& label) {
  constexpr std::size_t kLongest = 200;
  if (label.find('/') != std::string::npos)
    throw mistake("--label ", label, ": becomes part of a file's name and cannot hold a '/'");
  if (label.size() > kLongest)
    throw mistake("--label: ", label.size(), " bytes, at most ", kLongest, " fit into a file's name");
}

void resolve(AttackFlags& f, const CommonOptions& common) {
  AttackOptions& o = f.options;
  o.norm = f.norm == "l2" ? Norm::l2 : Norm::linf;
  o.loss = attack_loss_of(f.loss);
  for (const CLI::Option* option : f.command->get_options())
    if (option->count() > 0 && !option->get_lnames().empty())
      require_taken(option->get_lnames().front(), o.attack, o.norm);
  o.random_start = !f.no_random_start;
  o.seed = common.seed;
  o.batch_size = f.target.batch_size;
  if (!f.has("eps")) o.eps = usual_eps(o.norm);
  if (!f.has("step")) o.step = usual_step(o.eps);
  if (!f.has("steps")) o.steps = usual_steps(o.attack, o.norm);
  if (f.targeted == "random") {
    o.targeting = Targeting::random;
  } else if (f.targeted == "least-likely") {
    o.targeting = Targeting::least_likely;
  } else if (f.targeted == "second-most-likely") {
    o.targeting = Targeting::second_most_likely;
  } else if (f.targeted == "all") {
    o.targeting = Targeting::all;
  } else if (f.targeted != "none") {
    o.targeting = Targeting::fixed;
    const auto [end, error] = std::from_chars(f.targeted.data(), f.targeted.data() + f.targeted.size(), o.target_class);
    if (error != std::errc() || end != f.targeted.data() + f.targeted.size())
      throw mistake("--targeted ", f.targeted,
                    ": expected none, random, least-likely, second-most-likely, all or a class number");
  }
  if (!(f.logit_scale > 0)) throw mistake("--logit-scale must be > 0, got ", f.logit_scale);
  if (f.has("save-adversarial")) require_writable("--save-adversarial", f.save);
  if (f.has("save-results")) require_writable("--save-results", f.save_results);
  check_label(f.label);
}

struct Names {
  std::string label, variant;  // variant: the label's part that says what is not usual
};
Names names_of(const AttackFlags& f, const Target& target) {
  if (!f.label.empty()) return {f.label, ""};
  const AttackOptions& o = f.options;
  std::string label = o.attack, variant = o.norm == Norm::l2 ? "-l2" : "";
  if (takes("loss", o.attack, o.norm) && o.attack != "autoattack") {
    label += str("-", f.loss, "-tau", o.attack_tau);
  } else {
    if (o.attack == "autoattack") label += "-" + o.version;
    if (o.loss != AttackLoss::cross_entropy) variant += "-" + f.loss;
    if (o.attack_tau != 1) variant += str("-tau", o.attack_tau);
  }
  if (o.targeting != Targeting::none) variant += "-targeted-" + f.targeted;
  variant += unusual_settings(o);
  if (f.logit_scale != 1) variant += str("-logits-x", f.logit_scale);
  variant += target.variant;
  return {label + variant, variant.empty() ? "" : variant.substr(1)};
}

// How far the attack moved, and from where: a random start may lie ε away on the other side.
std::string displacement_text(const AttackOptions& o, const AttackResult& r) {
  const std::string figure = number(r.mean_displacement());
  if (!moves_from_start(o)) return "mean L-infinity distance of the images found from their originals " + figure;
  const bool starts_at_random = o.attack == "pgd" && o.random_start;
  return str("mean move from the start ", figure, " (L-infinity, at most ", starts_at_random ? "2 eps)" : "eps)");
}

std::string text_of(const AttackFlags& f, const AttackResult& r) {
  const AttackOptions& o = f.options;
  std::string text =
      str(title_of(o), ", eps ", number(static_cast<double>(o.eps)), " ", f.norm, ": robust accuracy ",
          percent(r.robust_accuracy()), " (clean ", percent(r.clean_accuracy()), ") on ", r.images.size(), " images\n");
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

// One JSON line an image
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
  std::vector<float> saved;
  ExampleStrip strip;
  Progress progress(title_of(f.options), "images", common.quiet);
  const AttackResult result = attack(
      *target.trained.model, test, f.options,
      [&](std::int64_t first, const Tensor& clean, const Tensor& adversarial) {
        strip.add(first, clean, adversarial);
        if (f.save.empty()) return;
        const std::vector<float> pixels = adversarial.to_host<float>();
        saved.insert(saved.end(), pixels.begin(), pixels.end());
      },
      [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
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
  AttackOptions& o = f->options;
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
  c->add_option("--attack", o.attack, listed(attack_names()))->capture_default_str();
  c->add_option("--norm", f->norm, "linf or l2")->check(CLI::IsMember({"linf", "l2"}))->capture_default_str();
  c->add_option("--eps", o.eps, "Radius of the ball, pixels in [0, 1]; default: 8/255, in L2 0.5")
      ->transform(fraction())
      ->check(no_less_than(0));
  c->add_option("--step", o.step, "Step size of pgd, mifgsm and cw in L-infinity; default: eps/4")
      ->transform(fraction())
      ->check(no_less_than(0));
  c->add_option("--steps", o.steps, "Default: the attack's usual number; 20 for pgd")->check(no_less_than(1));
  c->add_option("--version", o.version, "autoattack: standard, plus or rand")->capture_default_str();
  c->add_option("--queries", o.queries, "square and random: queries an image")
      ->check(no_less_than(1))
      ->capture_default_str();
  c->add_option("--targets", o.targets, "apgd-t, fab-t: target classes by rank of the clean logits")
      ->check(no_less_than(1))
      ->capture_default_str();
  c->add_option("--decay", o.decay, "mifgsm: decay of the momentum")->check(no_less_than(0))->capture_default_str();
  c->add_option("--search-steps", o.search_steps, "cw in L2: binary search for its constant")
      ->check(no_less_than(1))
      ->capture_default_str();
  c->add_option("--cw-lr", o.learning_rate, "cw in L2: learning rate")->check(above_zero())->capture_default_str();
  c->add_option("--restarts", o.restarts)->check(no_less_than(1))->capture_default_str();
  c->add_option("--targeted", f->targeted,
                "none, random, least-likely, second-most-likely, all (worst case over the other classes) or a class")
      ->capture_default_str();
  c->add_option("--attack-tau", o.attack_tau, "Temperature inside the attack's loss")
      ->transform(fraction())
      ->capture_default_str();
  c->add_option("--loss", f->loss, attack_loss_names() + "; of fgsm, pgd, mifgsm, apgd-ce, autoattack's first member")
      ->capture_default_str();
  c->add_option("--eval-tau", o.eval_tau, "Recorded; cannot change a prediction")
      ->transform(fraction())
      ->capture_default_str();
  c->add_flag("--no-random-start", f->no_random_start, "PGD starts at the image itself");
  c->add_flag("--last-iterate", o.last_iterate, "pgd: return the last iterate, as torchattacks does, not the best");
  c->add_option("--save-adversarial", f->save, "Write the returned images as .npy float32 [N, H, W, C]");
  c->add_option("--save-results", f->save_results, "Write one JSON line an image");
  c->add_option("--logit-scale", f->logit_scale, "Multiply the logits: the same classifier, another loss surface")
      ->transform(fraction())
      ->capture_default_str();
  c->add_option(
      "--label", f->label,
      "Name of the result file: results/attack-LABEL.json; default: the attack and what is not usual about it");
}

}  // namespace kelvin
