#include "apps/cli/train_flags.h"

#include <charconv>
#include <cmath>

#include "apps/cli/fine_tuning_flags.h"
#include "kernels/device/listed.h"
#include "kernels/device/threads.h"
#include "models/model.h"

namespace kelvin {
namespace {

constexpr int kMostEta = 1000;

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
  if (f.tau_schedule != "constant")
    throw mistake("--tau auto chooses a constant temperature; leave --tau-schedule out");
  if (f.search.eta < 2 || f.search.eta > kMostEta)
    throw mistake("--auto-eta must be 2 to ", kMostEta, ", got ", f.search.eta);
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
  a.kind = adversarial_of(f.adversarial);
  const AdversarialOptions usual = usual_adversarial_options(a.kind);
  a.eps = f.adversarial_eps.value_or(usual.eps);
  a.step = f.adversarial_step.value_or(usual.step);
  if (!f.adversarial_loss.empty()) a.loss = attack_loss_of(f.adversarial_loss);
  a.batch_norm = f.inner_batch_norm == "train" ? Mode::train : Mode::eval;
}

}  // namespace

void resolve(TrainFlags& f, const CommonOptions& common) {
  TrainOptions& o = f.options;
  o.optimizer.kind = optimizer_of(f.optimizer);
  o.lr.base = f.lr.value_or(o.optimizer.kind == OptimizerOptions::Kind::sgd ? 0.1 : 1e-3);
  resolve_temperature(f);
  o.tau.kind = temperature_schedule_of(f.tau_schedule);
  o.tau.end = f.tau_end != 0 ? f.tau_end : o.tau.start;
  o.lr.kind = learning_rate_schedule_of(f.lr_schedule);
  o.precision = f.precision == "bf16" ? DType::bf16 : DType::f32;
  o.augment = f.augment != "none";
  o.cutout = f.augment == "cutout";
  o.seed = common.seed;
  o.keep = kept_epochs_of(f.keep_checkpoints);
  resolve_adversarial(f);
  if (!f.select_by.empty()) o.select_by = select_by_of(f.select_by);
  if (o.select_by.value_or(SelectBy::none) != SelectBy::none && f.validation == 0)
    throw mistake("--select-by ", f.select_by, " needs --validation N: selection never looks at the test set");
  if (o.tau.kind != TemperatureSchedule::Kind::constant && f.tau_end == 0)
    throw mistake("--tau-schedule ", f.tau_schedule, " needs --tau-end");
  if (f.out.empty()) throw mistake("--out DIR is needed: the folder for config, metrics, checkpoint and results");
  check_options(o);
  // Not in check_options, because the rungs of a search last fewer epochs.
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
      {{"tau-end"}, f.tau_schedule != "constant", "--tau-schedule linear, cosine or cyclic"},
      {{"tau-period"}, f.tau_schedule == "cyclic", "--tau-schedule cyclic"},
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
  for (const Rule& rule : rules)
    for (const std::string name : rule.flags) {
      const CLI::Option& option = *command.get_option("--" + name);
      const bool is_given = is_switch(option) ? value_of(option) == "true"
                            : has_config      ? value_of(option) != option.get_default_str()
                                              : option.count() > 0;
      if (is_given && !rule.applies) throw mistake("--", name, " needs ", rule.needed);
    }
}

namespace {

void add_adversarial_flags(CLI::App& c, TrainFlags& f) {
  AdversarialOptions& a = f.options.adversarial;
  const auto add_tau = [&](const char* flag, double& tau, const char* text) {
    c.add_option(flag, tau, text)->transform(fraction())->capture_default_str();
  };
  c.add_option("--adversarial", f.adversarial, "Adversarial training: none, pgd, trades or mart")
      ->check(CLI::IsMember({"none", "pgd", "trades", "mart"}))
      ->capture_default_str();
  c.add_option("--trades-beta", a.trades_beta, "Weight of TRADES' KL term (1/lambda in its paper)")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--mart-lambda", a.mart_lambda, "Weight of MART's KL term")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--adversarial-eps", f.adversarial_eps, "Radius of the ball; default: pgd 8/255, trades and mart 0.031")
      ->transform(fraction());
  c.add_option("--adversarial-step", f.adversarial_step, "Default: pgd 2/255, trades and mart 0.007")
      ->transform(fraction());
  c.add_option("--adversarial-steps", a.steps)->capture_default_str();
  c.add_option("--adversarial-loss", f.adversarial_loss,
               "What the inner attack follows: " + attack_loss_names() + "; default: ce, for trades its KL term");
  add_tau("--inner-tau", a.inner_tau, "Temperature inside the inner attack; 0: the training temperature");
  add_tau("--kl-tau", a.kl_tau, "trades, mart: temperature of p(x) in the KL term; 0: the training temperature");
  add_tau("--kl-adversarial-tau", a.kl_adversarial_tau, "The same of p(x')");
  c.add_flag("--balance-tau", a.balance_tau,
             "Minimise tau*CE + beta*tau_kl*tau_kl'*KL, whose parts keep their size as tau grows");
  c.add_option("--awp", a.awp_gamma, "Adversarial weight perturbation: gamma, 0.01 for pgd, 0.005 for trades; 0: off")
      ->transform(fraction())
      ->capture_default_str();
  c.add_option("--awp-warmup", a.awp_warmup, "Epochs without it at the start")->capture_default_str();
  c.add_option("--inner-batch-norm", f.inner_batch_norm, "Statistics while the images are made: eval or train")
      ->check(CLI::IsMember({"eval", "train"}))
      ->capture_default_str();
}

}  // namespace

CLI::App* declare_train(CLI::App& app, CommonOptions& common, TrainFlags& f) {
  TrainOptions& o = f.options;
  CLI::App* const c = add_command(
      app, common, "train", "Trains a model with softmax(z/tau) cross-entropy into a run folder",
      "  kelvin train --data fashion-mnist --model resnet20 --tau 1 --epochs 10 --out runs/tau1\n"
      "  kelvin train --data synthetic --model mlp --tau 50 --epochs 30 --out runs/toy\n"
      "  kelvin train --tau auto --lr-times-tau --epochs 9 --out runs/chosen\n"
      "  kelvin train --tau 50 --tau-schedule cosine --tau-end 1 --out runs/cooling\n"
      "  kelvin train --tau 10 --adversarial pgd --inner-tau 10 --out runs/robust\n"
      "  kelvin train --adversarial trades --trades-beta 6 --awp 0.005 --awp-warmup 10 --epochs 100 --out runs/trades\n"
      "  kelvin train --tau learn --classifier cosine --out runs/learned\n"
      "  kelvin train --data cifar10:DIR --model vit_small_patch16_224 --image-size 224 --init vit.safetensors "
      "--optimizer adam --lr 1e-4 --out runs/vit\n"
      "  kelvin train --adversarial pgd --validation 1000 --out runs/selected   # evaluate with --checkpoint best\n"
      "  kelvin train --resume --out runs/tau1                # as its config.toml says; --epochs 20: longer",
      {});
  c->add_option(
       "--data", o.data,
       "fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR, tiny-imagenet:DIR, synthetic[:options], npy:DIR (four .npy),\n"
       "folder:DIR (train/CLASS/*.png, test/CLASS/*.png); cifar10.1:DIR is a test set, for evaluate")
      ->capture_default_str();
  c->add_option("--model", o.model, listed(model_names()))->capture_default_str();
  c->add_option("--stem", o.stem, "resnet18 and larger: cifar, imagenet, or auto (cifar for images of up to 64 pixels)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cifar", "imagenet"}));
  c->add_option("--tau", f.tau,
                "Training temperature, > 0; auto: chosen on a held-out split by successive halving;\n"
                "learn[:START]: trained, best with --classifier cosine")
      ->transform(fraction())
      ->capture_default_str();
  c->add_option("--tau-lr", o.tau_lr, "Learning rate of log tau with --tau learn; follows --lr-schedule")
      ->transform(fraction())
      ->capture_default_str();
  c->add_option("--classifier", o.classifier, "linear, or cosine: logits are --cosine-scale times cos(f, w_j), no bias")
      ->check(CLI::IsMember({"linear", "cosine"}))
      ->capture_default_str();
  c->add_option("--cosine-scale", o.cosine_scale)->transform(fraction())->capture_default_str();
  c->add_option("--auto-taus", f.auto_taus, "Candidates of --tau auto")->capture_default_str();
  c->add_option("--auto-lr", f.auto_lr, "Learning rates that --tau auto tries with each temperature; default: --lr");
  c->add_option("--auto-eta", f.search.eta, "--tau auto keeps one of N candidates and trains it N times as long")
      ->capture_default_str();
  c->add_flag("--auto-regret", f.search.measures_regret,
              "--tau auto: also train every candidate in full, for the regret");
  c->add_option("--tau-schedule", f.tau_schedule, "constant, linear, cosine or cyclic, from --tau to --tau-end")
      ->capture_default_str();
  c->add_option("--tau-end", f.tau_end, "Temperature at the end of the schedule")->transform(fraction());
  c->add_option("--tau-period", o.tau.period, "Epochs a cycle of the cyclic schedule")->capture_default_str();
  c->add_option("--epochs", o.epochs)->capture_default_str();
  c->add_option("--batch-size", o.batch_size, "Images a step; an epoch leaves out an incomplete last batch")
      ->capture_default_str();
  c->add_option("--optimizer", f.optimizer, "sgd, adam or adamw")->capture_default_str();
  c->add_option("--lr", f.lr, "Base learning rate; default: 0.1, with adam and adamw 0.001")->transform(fraction());
  c->add_option("--lr-schedule", f.lr_schedule, "constant, step (times 0.1 at 1/2 and at 3/4 of the epochs) or cosine")
      ->capture_default_str();
  c->add_option("--warmup-epochs", o.lr.warmup_epochs,
                "Linear rise from 0 at the start, over the schedule that --lr-schedule gives")
      ->capture_default_str();
  c->add_flag("--lr-times-tau", o.lr_times_tau, "Multiply the learning rate by the temperature (of sgd)");
  c->add_option("--momentum", o.optimizer.momentum)->capture_default_str();
  c->add_flag("--nesterov", o.optimizer.nesterov);
  c->add_option("--weight-decay", o.optimizer.weight_decay,
                "Of all parameters, as torch.optim does it; of a vit_*'s matrices alone, as timm does")
      ->transform(fraction())
      ->capture_default_str();
  add_fine_tuning_flags(*c, o);
  add_adversarial_flags(*c, f);
  c->add_option("--precision", f.precision, "f32 or bf16 activations")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  c->add_option(
       "--augment", f.augment,
       "none, standard (pad 4, above 48 pixels 8, random crop, flip), or cutout (standard and a square of zeros)")
      ->check(CLI::IsMember({"none", "standard", "cutout"}))
      ->capture_default_str();
  c->add_option("--init", o.init, "Start from a safetensors file: Kelvin's, torchvision's or timm's");
  c->add_flag("--allow-partial", o.allow_partial, "With --init: load what fits");
  c->add_flag("--reparametrize", o.reparametrize,
              "Control: the same training written as tau = 1 with a small, slow last layer");
  c->add_option("--log-every", o.log_every, "Steps between lines of metrics.jsonl")
      ->check(at_least(1))
      ->capture_default_str();
  c->add_option("--eval-every", o.eval_every, "Epochs between test evaluations")
      ->check(at_least(1))
      ->capture_default_str();
  c->add_option("--loader-workers", o.loader_workers, "Threads that prepare batches")
      ->check(between(1, kMostThreads))
      ->capture_default_str();
  c->add_option("--limit", f.limit, "The first N images of both halves")->check(at_least(0));
  c->add_option("--train-limit", f.train_limit, "The first N training images")->check(at_least(0));
  c->add_option("--test-limit", f.test_limit, "The first N test images")->check(at_least(0));
  c->add_option(
      "--keep-checkpoints", f.keep_checkpoints,
      "all, or epochs such as 0,1,5,10: their weights stay as checkpoint-0005.safetensors (0: before training)");
  c->add_option("--validation", f.validation,
                "Hold out N training images, chosen by --seed; each epoch is measured on them, the best kept")
      ->check(at_least(0));
  c->add_option("--select-by", f.select_by,
                "What makes an epoch the best on --validation: robust, accuracy or none; default: robust with\n"
                "--adversarial, accuracy otherwise")
      ->check(CLI::IsMember({"robust", "accuracy", "none"}));
  c->add_option("--out", f.out, "Run folder")->configurable(false);
  c->add_flag("--resume", o.resume, "Continue the run in --out with the flags of its config.toml");
  c->add_flag("--accept-changed-data", o.accept_changed_data,
              "With --resume: go on although images or labels are not those that the run was begun with")
      ->configurable(false);
  return c;
}

CLI::App* parse_train(CLI::App& app, CommonOptions& common, TrainFlags& f, const std::vector<std::string>& arguments) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CLI::App* const command = declare_train(app, common, f);
  guard_numbers(app);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
  reversed.emplace_back("train");
  try {
    app.parse(reversed);
  } catch (const CLI::ConversionError& e) {
    throw mistake("train: ", conversion_mistake(app, e.what()));
  } catch (const CLI::ParseError& e) {
    throw mistake("train: ", e.what());
  }
  return command;
}

std::vector<TrainFlagInfo> train_flags() {
  CLI::App app, other;
  CommonOptions common;
  TrainFlags unused;
  const CLI::App* const command = declare_train(app, common, unused);
  const CLI::App* const bare = add_command(other, common, "bare", "", "", {});
  std::vector<TrainFlagInfo> flags;
  for (const CLI::Option* option : command->get_options()) {
    if (option->get_lnames().empty() || !option->get_configurable()) continue;
    const std::string name = option->get_lnames().front();
    if (name == "resume" || bare->get_option_no_throw("--" + name) != nullptr) continue;
    flags.push_back({name, option->get_description(), is_switch(*option)});
  }
  return flags;
}

bool is_run_flag(const std::string& argument) {
  CLI::App app;
  CommonOptions common;
  TrainFlags unused;
  const std::string name = argument.substr(0, argument.find('='));
  const CLI::Option* const option = declare_train(app, common, unused)->get_option_no_throw(name);
  return name.starts_with("--") && name != "--resume" && option != nullptr && option->get_configurable();
}

TrainOptions parse_train_flags(const std::vector<std::string>& arguments) {
  CLI::App app;
  CommonOptions common;
  TrainFlags f;
  const CLI::App* const command = parse_train(app, common, f, arguments);
  resolve(f, common);
  require_applicable(*command, f);
  return f.options;
}

}  // namespace kelvin
