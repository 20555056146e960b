#include "apps/cli/train_flags.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>

#include "kernels/device/listed.h"

namespace kelvin {
namespace {

double number_of(const std::string& flag, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw mistake(flag, ": '", text, "' is no number");
  return value;
}

std::vector<double> numbers_of(const std::string& flag, const std::string& text) {
  std::vector<double> values;
  for (const std::string& part : parts_of(text, ',')) values.push_back(number_of(flag, part));
  if (values.empty()) throw mistake(flag, ": no values");
  return values;
}

// --tau NUMBER, learn, learn:START, or auto with its candidates
void resolve_temperature(TrainFlags& f) {
  TrainOptions& o = f.options;
  f.is_auto = f.tau == "auto";
  o.learn_tau = f.tau == "learn" || f.tau.starts_with("learn:");
  if (!f.is_auto) {
    const std::string text = f.tau == "learn" ? "1" : o.learn_tau ? f.tau.substr(6) : f.tau;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), o.tau.start);
    if (error != std::errc() || end != text.data() + text.size())
      throw mistake("--tau ", f.tau,
                    " is no temperature; expected a number, a fraction such as 1/2, auto, learn or learn:START");
    return;
  }
  if (o.tau.kind != TemperatureSchedule::Kind::constant)
    throw mistake("--tau auto chooses a constant temperature; leave --tau-schedule out");
  const std::vector<double> rates =
      f.auto_lr.empty() ? std::vector<double>{o.lr.base} : numbers_of("--auto-lr", f.auto_lr);
  f.search.candidates.clear();
  for (const double tau : numbers_of("--auto-taus", f.auto_taus))
    for (const double lr : rates) {
      if (!(tau > 0) || !std::isfinite(tau)) throw mistake("--auto-taus: temperatures must be > 0, got ", tau);
      if (!(lr > 0) || !std::isfinite(lr)) throw mistake("--auto-lr: learning rates must be > 0, got ", lr);
      f.search.candidates.push_back({tau, lr});
    }
  o.tau.start = f.search.candidates.front().tau;
}

void resolve_adversarial(TrainFlags& f) {
  AdversarialOptions& a = f.options.adversarial;
  const AdversarialOptions usual = usual_adversarial_options(a.kind);
  a.eps = f.adversarial_eps.value_or(usual.eps);
  a.step = f.adversarial_step.value_or(usual.step);
}

}  // namespace

void resolve(TrainFlags& f, const CommonOptions& common) {
  TrainOptions& o = f.options;
  o.lr.base = f.lr.value_or(o.optimizer.kind == OptimizerOptions::Kind::sgd ? 0.1 : 1e-3);
  resolve_temperature(f);
  o.tau.end = f.tau_end.value_or(o.tau.start);
  o.seed = common.seed;
  resolve_adversarial(f);
  if (o.select_by.value_or(SelectBy::none) != SelectBy::none && f.validation == 0)
    throw mistake("--select-by ", name_of(*o.select_by),
                  " needs --validation N: selection never looks at the test set");
  if (o.tau.kind != TemperatureSchedule::Kind::constant && !f.tau_end) throw mistake("--tau-schedule needs --tau-end");
  if (f.out.empty()) throw mistake("--out DIR is needed: the folder for config, metrics, checkpoint and results");
  check_options(o);
  // Not in check_options, because the rungs of a search have fewer epochs.
  if (o.adversarial.awp_gamma > 0 && o.adversarial.awp_warmup >= o.epochs)
    throw mistake("--awp-warmup ", o.adversarial.awp_warmup, " leaves none of ", o.epochs,
                  " epochs to --awp; it must be smaller than --epochs");
  if (o.lr.warmup_epochs > o.epochs)
    throw mistake("--warmup-epochs ", o.lr.warmup_epochs, " does not fit into --epochs ", o.epochs);
}

bool is_switch(const CLI::Option& option) { return option.get_expected_max() == 0; }

std::string value_of(const CLI::Option& option) {
  if (is_switch(option)) return option.count() > 0 && option.as<bool>() ? "true" : "false";
  return option.count() > 0 ? option.reduced_results().front() : option.get_default_str();
}

void require_applicable(const CLI::App& command, const TrainFlags& f) {
  using Kind = AdversarialOptions::Kind;
  const TrainOptions& o = f.options;
  const Kind kind = o.adversarial.kind;
  const bool is_sgd = o.optimizer.kind == OptimizerOptions::Kind::sgd, is_adversarial = o.adversarial.is_on();
  const bool has_kl = kind == Kind::trades || kind == Kind::mart;
  const bool attacks = is_adversarial || o.select_by.value_or(SelectBy::none) == SelectBy::robust;
  struct Rule {
    std::vector<const char*> flags;
    bool applies;
    const char* needed;
  };
  const std::vector<Rule> rules = {
      {{"tau-end"}, o.tau.kind != TemperatureSchedule::Kind::constant, "--tau-schedule linear, cosine or cyclic"},
      {{"tau-period"}, o.tau.kind == TemperatureSchedule::Kind::cyclic, "--tau-schedule cyclic"},
      {{"tau-lr"}, o.learn_tau, "--tau learn"},
      {{"auto-taus", "auto-lr", "auto-eta", "auto-regret"}, f.is_auto, "--tau auto"},
      {{"cosine-scale"}, o.classifier == "cosine", "--classifier cosine"},
      {{"momentum", "nesterov"}, is_sgd, "--optimizer sgd"},
      {{"beta1", "beta2", "adam-eps"}, !is_sgd, "--optimizer adam or adamw"},
      {{"adversarial-eps", "adversarial-step", "adversarial-steps"}, attacks, "--adversarial pgd, trades or mart"},
      {{"adversarial-loss", "inner-tau", "inner-batch-norm"}, is_adversarial, "--adversarial pgd, trades or mart"},
      {{"trades-beta"}, kind == Kind::trades, "--adversarial trades"},
      {{"mart-lambda"}, kind == Kind::mart, "--adversarial mart"},
      {{"kl-tau", "kl-adversarial-tau", "balance-tau"}, has_kl, "--adversarial trades or mart"},
      {{"awp-warmup"}, o.adversarial.awp_gamma > 0, "--awp GAMMA"},
      {{"allow-partial"}, !o.init.empty(), "--init WEIGHTS"},
      {{"accept-changed-data"}, o.resume, "--resume"}};
  const CLI::Option* const config = command.get_parent()->get_config_ptr();
  const bool has_config = config != nullptr && config->count() > 0;
  TrainFlags flags = f, defaults;
  const Fields present = train_flag_fields(flags), usual = train_flag_fields(defaults);
  for (const Rule& rule : rules)
    for (const std::string name : rule.flags) {
      // A --config that train or Kelvin wrote holds every option; only one with another value than the default counts as given.
      const bool has_other_value = find(present, name)->text() != find(usual, name)->text();
      const CLI::Option& option = *command.get_option("--" + name);
      const bool is_given = has_config || is_switch(option) ? has_other_value : option.count() > 0;
      if (is_given && !rule.applies) throw mistake("--", name, " needs ", rule.needed);
    }
}

namespace {

CLI::App* parse(CLI::App& app, CommonOptions& common, TrainFlags& f, const std::vector<std::string>& arguments) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CLI::App* const command = declare_train(app, common, f);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
  reversed.emplace_back("train");
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    throw mistake("train: ", e.what());
  }
  return command;
}

}  // namespace

void parse_train(CommonOptions& common, TrainFlags& flags, const std::vector<std::string>& arguments) {
  CLI::App app;
  (void)parse(app, common, flags, arguments);
}

Fields run_fields(TrainFlags& flags, CommonOptions& common) {
  return joined({common_fields(common), train_flag_fields(flags)});
}

bool is_run_flag(const std::string& argument) {
  if (!argument.starts_with("--")) return false;
  TrainFlags flags;
  CommonOptions common;
  const Fields all = run_fields(flags, common);
  const Field* const field = find(all, argument.substr(2, argument.find('=') - 2));
  return field != nullptr && field->resume != Resume::unrecorded;
}

TrainOptions parse_train_flags(const std::vector<std::string>& arguments) {
  CLI::App app;
  CommonOptions common;
  TrainFlags f;
  const CLI::App* const command = parse(app, common, f, arguments);
  resolve(f, common);
  require_applicable(*command, f);
  return f.options;
}

}  // namespace kelvin
