// kelvin audit
#include "apps/analysis/audit.h"

#include "apps/cli/commands.h"
#include "apps/cli/progress.h"

namespace kelvin {
namespace {

constexpr std::int64_t kUsualImages = 200;

struct AuditFlags {
  TargetOptions target;
  AuditOptions options;
  std::string norm = "linf", twin;
};

std::string table_of(const Audit& a) {
  std::string text;
  for (const AuditCheck& c : a.checks) {
    text += str("[", name_of(c.verdict), "] ", c.name, ": ", c.figures, "\n");
    if (!c.rule.empty()) text += str("    masked if: ", c.rule, "\n");
  }
  for (const std::string& warning : a.warnings) text += "warning: " + warning + "\n";
  text += str("\n", "clean ", percent(a.clean_accuracy), " | paper-faithful ", percent(a.paper_faithful), " | sound ",
              percent(a.sound), " | worst case ", percent(a.worst_case), " | masking gap ", percent(a.masking_gap()),
              "\n", a.sentence(), "\n");
  return text;
}

void run(AuditFlags& f, const CommonOptions& common) {
  if (f.target.limit == 0) f.target.limit = kUsualImages;
  const Target target = open_target(f.target, common);
  AuditOptions& o = f.options;
  o.attack.norm = f.norm == "l2" ? Norm::l2 : Norm::linf;
  o.attack.seed = common.seed;
  o.attack.batch_size = f.target.batch_size;
  o.train_tau = target.trained.info.train_tau;
  Target twin;
  if (!f.twin.empty()) {
    TargetOptions t = f.target;
    t.run = f.twin;
    t.weights.clear();
    twin = open_target(t, common);
    o.twin = twin.trained.model.get();
  }
  long done = 0;
  Progress progress("audit", "checks", common.quiet);
  const Audit result = audit(*target.trained.model, target.data.test, o,
                             [&](const std::string& check) { progress.update(done++, kAuditChecks, check); });
  progress.finish();
  const Json json = to_json(result);
  target.save("audit", json);
  print_result(common, table_of(result), json);
}

}  // namespace

void add_audit(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<AuditFlags>();
  CLI::App* const c = add_command(app, common, "audit", "Is the robustness real, or do gradients vanish?",
                                  "  kelvin audit runs/tau50\n"
                                  "  kelvin audit runs/tau50 --twin runs/tau1 --limit 500 --json",
                                  [f, &common] { run(*f, common); });
  add_target_options(*c, f->target);
  AttackOptions& o = f->options.attack;
  c->add_option("--norm", f->norm, "linf or l2")->check(CLI::IsMember({"linf", "l2"}))->capture_default_str();
  c->add_option("--eps", o.eps, "Radius of the ball, pixels in [0, 1]")->transform(fraction())->default_str("8/255");
  c->add_option("--step", o.step, "Step size of PGD")->transform(fraction())->default_str("2/255");
  c->add_option("--steps", o.steps, "Steps of PGD")->capture_default_str();
  c->add_option("--queries", o.queries, "Queries of Square")->capture_default_str();
  c->add_option("--random-points", f->options.random_points,
                "Random points of the ball's surface around each surviving image")
      ->capture_default_str();
  c->add_option("--twin", f->twin, "Run folder of a model trained at tau 1 on the same data: transfer");
}

}  // namespace kelvin
