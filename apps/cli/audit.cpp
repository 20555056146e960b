// kelvin audit
#include "apps/analysis/audit.h"

#include "apps/attacks/settings.h"
#include "apps/card/write_card.h"
#include "apps/cli/audit_card.h"
#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"

namespace kelvin {
namespace {

constexpr std::int64_t kAuditImages = 200;

struct AuditFlags {
  TargetOptions target;
  AuditOptions options;
  std::vector<std::string> twins;
  CardFlags card;
  CLI::App* command = nullptr;
};

std::string audit_table(const Audit& a) {
  std::string text = str("eps ", number(a.eps), a.norm == Norm::l2 ? " l2" : " linf", ", PGD with ", a.steps,
                         " steps of ", number(a.step), ", on ", a.n, " images, where differences below ",
                         percent(a.smallest_difference()), " cannot be told from chance\n\n");
  for (const AuditCheck& c : a.checks) {
    text += str("[", name_of(c.verdict), "] ", c.name, ": ", c.figures, "\n");
    if (!c.rule.empty()) text += str("    fails if: ", c.rule, "\n");
  }
  for (const std::string& warning : a.warnings) text += "warning: " + warning + "\n";
  text += str("\n", "clean ", percent(a.clean_accuracy), " | paper-faithful ", percent(a.paper_faithful), " | sound ",
              percent(a.sound), " | worst case ", percent(a.worst_case), " | attack gap ", percent(a.attack_gap()),
              "\nverdict: ", a.verdict(), "\n", a.sentence(), "\n");
  return text;
}

std::string reference_text(const Json& card) {
  std::string text;
  if (card.contains("reference"))
    for (const Json& row : card["reference"]["rows"]) text += row["text"].get<std::string>() + "\n";
  return text;
}

// The unusual settings, for the name of the file. Twins only add a check, so they do not change the name.
std::string settings_of(const AuditFlags& f) {
  const AttackOptions& o = f.options.attack;
  std::string text = (o.norm == Norm::l2 ? "-l2" : "") + unusual_settings(o);
  if (f.options.queries != AuditOptions{}.queries) text += str("-queries", f.options.queries);
  if (f.options.random_points != AuditOptions{}.random_points) text += str("-points", f.options.random_points);
  return text;
}

Target open_twin(const AuditFlags& f, const std::string& name, const Target& target, const CommonOptions& common) {
  TargetOptions t = f.target;
  t.run = name;
  t.weights.clear();  // the twin is another run and is used as it was trained
  t.model.clear();
  t.checkpoint = t.weights_from = "last";
  t.normalisation = {};
  t.data = target.trained.info.data;
  Target twin = open_target(t, common);
  align_outputs(*twin.trained.model, twin.classes->outputs(), "--twin " + name, target.classes->outputs(),
                target.trained.info.model.classes);
  return twin;
}

void run(AuditFlags& f, const CommonOptions& common) {
  AuditOptions& o = f.options;
  o.attack.seed = common.seed;
  if (!is_given(*f.command, "eps")) o.attack.eps = usual_eps(o.attack.norm);
  f.target.usual_limit = kAuditImages;
  if (f.target.limit == 0) f.target.limit = kAuditImages;
  const Target target = open_target(f.target, common);
  const std::string settings = settings_of(f);
  const std::filesystem::path place = card_place(f.card, target, settings);
  o.attack.batch_size = f.target.batch_size;
  o.train_tau = target.trained.info.train_tau;
  std::vector<Target> twins;
  for (const std::string& name : f.twins) {
    twins.push_back(open_twin(f, name, target, common));
    o.twins.push_back({name, twins.back().trained.model.get()});
  }
  long done = 0;
  Progress progress("audit", "checks", common.quiet);
  const Audit result = audit(*target.trained.model, target.data.test, o,
                             [&](const std::string& check) { progress.update(done++, kAuditChecks, check); });
  progress.finish();
  Json json = to_json(result);
  json["notes"] = target.notes;
  const Json card = audit_card(f.card, target, o, result, common);
  Json printed = json;
  printed["card"] = page_of(place).string();
  if (card.contains("reference")) printed["reference"] = card["reference"];
  keep_and_print(common, audit_table(result) + reference_text(card), printed, [&] {
    target.save("audit", settings, json);
    save_card(target, place, card);
  });
}

}  // namespace

void add_audit(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<AuditFlags>();
  CLI::App* const c =
      add_command(app, common, "audit", "Is the robustness real, do gradients vanish, or is the attack weak?",
                  "  kelvin audit runs/tau50\n"
                  "  kelvin audit runs/tau50 --norm l2 --eps 0.5\n"
                  "  kelvin audit runs/tau50 --twin runs/tau1 --twin runs/tau1-seed1 --limit 500 --json\n"
                  "  kelvin audit --weights published.pt --data cifar10:DIR --limit 1000 --reference 53.42",
                  [f, &common] { run(*f, common); });
  f->command = c;
  add_target_options(*c, f->target);
  add_fields(*c, basic(group("Audit", audit_fields(f->options))));
  add_fields(*c, basic(group("Robustness card", card_fields(f->card))));
  add_repeatable(*c, "twin", f->twins,
                 "Run folder of a model trained at tau 1 on the same data, to transfer from; repeatable");
}

}  // namespace kelvin
