// kelvin train
#include "apps/training/train.h"

#include <omp.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

#include "apps/cli/commands.h"
#include "apps/cli/fine_tuning_flags.h"
#include "apps/cli/progress.h"
#include "apps/cli/train_flags.h"
#include "apps/training/choose_temperature.h"
#include "data/hold_out.h"
#include "engine/atomic_file.h"
#include "kernels/conv2d.h"

namespace kelvin {
namespace {

struct TrainFlags {
  TrainOptions options;
  std::string tau_schedule = "constant", lr_schedule = "cosine", optimizer = "sgd", precision = "f32", augment = "none";
  std::string adversarial = "none", adversarial_loss, inner_batch_norm = "eval";
  std::optional<float> adversarial_eps, adversarial_step;
  std::string select_by;
  std::string tau = "1", auto_taus = "0.1,0.5,1,10,30,50,70,100", auto_lr;
  SearchOptions search;
  bool is_auto = false;
  std::string out, keep_checkpoints;
  double tau_end = 0;
  std::int64_t train_limit = 0, test_limit = 0, limit = 0, validation = 0;
};

// The flags of this run as TOML that --config reads back.
std::string config_text(const CLI::App& command, const TrainFlags& f) {
  std::ostringstream out;
  out << "# kelvin --config THIS_FILE train\n[train]\n";
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty() || !option->get_configurable()) continue;
    const std::string name = option->get_lnames().front();
    if (name == "help" || name == "resume") continue;
    const bool is_flag = option->get_expected_max() == 0;
    std::string value = option->count() > 0 ? option->reduced_results().front() : option->get_default_str();
    if (is_flag) value = option->count() > 0 ? "true" : "false";
    // A search is over when this is written: the file says what it chose.
    if (f.is_auto && name.starts_with("auto-")) continue;
    if (f.is_auto && name == "tau") value = number(f.options.tau.start, 15);
    if (f.is_auto && name == "lr") value = number(f.options.lr.base, 15);
    if (value.empty()) continue;
    const bool is_bare = is_flag || value.find_first_not_of("0123456789+-.e") == std::string::npos;
    out << name << " = " << (is_bare ? value : '"' + value + '"') << "\n";
  }
  return out.str();
}

double number_of(const std::string& flag, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw mistake(flag, ": '", text, "' is no number");
  return value;
}

std::vector<double> numbers_of(const std::string& flag, const std::string& text) {
  std::vector<double> values;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) values.push_back(number_of(flag, part));
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
  if (f.search.eta < 2) throw mistake("--auto-eta must be at least 2, got ", f.search.eta);
  const std::vector<double> rates =
      f.auto_lr.empty() ? std::vector<double>{o.lr.base} : numbers_of("--auto-lr", f.auto_lr);
  f.search.candidates.clear();
  for (const double tau : numbers_of("--auto-taus", f.auto_taus))
    for (const double lr : rates) {
      if (!(tau > 0)) throw mistake("--auto-taus: temperatures must be > 0, got ", tau);
      if (!(lr > 0)) throw mistake("--auto-lr: learning rates must be > 0, got ", lr);
      f.search.candidates.push_back({tau, lr});
    }
  o.tau.start = f.search.candidates.front().tau;
}

// Searches on a held-out split – --validation's, or a tenth of the training images – and puts what it found into the options.
std::string choose(TrainFlags& f, const Dataset& data, const RunFolder& folder, Device device,
                   const CommonOptions& common) {
  Dataset split = data;
  if (split.validation.count == 0) hold_out(split, std::max<std::int64_t>(1, split.train.count / 10), common.seed);
  Progress progress("choosing tau", "images", common.quiet);
  const Search s = choose_temperature(f.options, f.search, split, folder.path / "search", device, progress.function());
  progress.finish();
  f.options.tau.start = f.options.tau.end = s.chosen.tau;
  f.options.lr.base = s.chosen.lr;
  folder.write_result("tau-search", to_json(s));
  return str("chose tau ", s.chosen.tau, ", learning rate ", s.chosen.lr, " from ", f.search.candidates.size(),
             " candidates on ", split.validation.count, " held-out images: ", s.epochs_trained,
             " epochs of search; the full grid takes ", s.grid_epochs,
             s.grid.empty() ? "" : str("; regret against it ", number(100 * s.regret(), 3), " points"), "\n");
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

void resolve(TrainFlags& f, const CommonOptions& common) {
  TrainOptions& o = f.options;
  resolve_temperature(f);
  o.tau.kind = temperature_schedule_of(f.tau_schedule);
  o.tau.end = f.tau_end != 0 ? f.tau_end : o.tau.start;
  o.lr.kind = learning_rate_schedule_of(f.lr_schedule);
  o.optimizer.kind = optimizer_of(f.optimizer);
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
}

void run(TrainFlags& f, const CommonOptions& common, const CLI::App& command) {
  resolve(f, common);
  const Device device = open_device(common);
  require_precision(f.options.precision, device);
  const RunFolder folder{f.out};
  if (!f.options.resume && std::filesystem::exists(folder.checkpoint()))
    throw mistake(f.out, ": holds a run already; continue it with --resume or choose another --out");
  if (f.options.resume && !std::filesystem::exists(folder.checkpoint()))
    throw mistake(f.out, ": nothing to resume: no checkpoint.safetensors there");
  const auto or_limit = [&](std::int64_t n) { return n > 0 ? n : f.limit; };
  const Dataset data = load_dataset(f.options.data, {.test = Half::optional,
                                                     .train_limit = or_limit(f.train_limit),
                                                     .test_limit = or_limit(f.test_limit),
                                                     .validation = f.validation,
                                                     .seed = common.seed});
  const bool is_new = !std::filesystem::exists(folder.path);
  folder.create();
  std::string text;
  TrainReport report;
  try {
    if (f.is_auto && !f.options.resume) text = choose(f, data, folder, device, common);
    if (!f.options.resume) {
      const std::string config = config_text(command, f);
      write_file_atomically(folder.config(), std::as_bytes(std::span(config)));
    }
    Progress progress("training", "images", common.quiet);
    report = train(f.options, data, folder, device, progress.function());
    progress.finish();
  } catch (const Error&) {
    if (is_new && !std::filesystem::exists(folder.checkpoint())) folder.discard();
    throw;
  }

  if (report.epochs_trained == 0 && !report.divergence) {
    std::ifstream in(folder.result("train"));
    const Json kept = Json::parse(in, nullptr, /*allow_exceptions=*/false);
    if (kept.is_object()) {
      print_result(common, str(f.out, ": finished already, nothing was trained; raise --epochs to go on\n"), kept);
      return;
    }
  }
  const Json json = to_json(report, f.options, folder);
  folder.write_result("train", json);
  for (const std::string& note : report.notes) text += note + "\n";
  if (report.divergence) {
    text += str("diverged at step ", report.divergence->step, " (tau ", report.divergence->tau, ", learning rate ",
                report.divergence->lr, "); the last good checkpoint is kept in ", f.out, "\n");
  } else {
    text += str("train loss ", number(report.train_loss), ", train accuracy ", percent(report.train_accuracy),
                data.test.count > 0 ? ", test accuracy " + percent(report.accuracy) : "",
                report.ema_accuracy ? ", of the averaged weights " + percent(*report.ema_accuracy) : "", ", ",
                number(report.img_per_s, 5), " images/s; run folder ", f.out, "\n");
    if (report.validation)
      text +=
          str("validation accuracy ", percent(report.validation->accuracy),
              report.validation->robust_accuracy ? ", under PGD " + percent(*report.validation->robust_accuracy) : "",
              report.best.epoch > 0
                  ? str("; best.safetensors is epoch ", report.best.epoch, " with ", percent(report.best.score))
                  : "",
              "\n");
  }
  print_result(common, text, json);
  if (report.divergence)
    throw Error(ExitCode::diverged,
                str("training diverged at step ", report.divergence->step, " with tau ", report.divergence->tau,
                    " and learning rate ", report.divergence->lr, "; try a smaller --lr or a larger --tau"));
}

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
               "What the inner attack follows: ce, log-odds, margin or dlr; default: ce, for trades its KL term");
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

CLI::App* declare(CLI::App& app, CommonOptions& common, const std::shared_ptr<TrainFlags>& f) {
  f->options.lr.base = 0.1;
  TrainOptions& o = f->options;
  CLI::App* const c = add_command(
      app, common, "train", "Trains a model with softmax(z/tau) cross-entropy into a run folder",
      "  kelvin train --data fashion-mnist --model resnet20 --tau 1 --epochs 10 --out runs/tau1\n"
      "  kelvin train --data synthetic --model mlp --tau 50 --epochs 30 --out runs/toy\n"
      "  kelvin train --tau auto --lr-times-tau --epochs 9 --out runs/chosen\n"
      "  kelvin train --tau 50 --tau-schedule cosine --tau-end 1 --out runs/cooling\n"
      "  kelvin train --tau 10 --adversarial pgd --inner-tau 10 --out runs/robust\n"
      "  kelvin train --adversarial trades --trades-beta 6 --awp 0.005 --awp-warmup 10 --out runs/trades\n"
      "  kelvin train --tau learn --classifier cosine --out runs/learned\n"
      "  kelvin train --data cifar10:DIR --model vit_small_patch16_224 --image-size 224 --init vit.safetensors "
      "--optimizer adam --lr 1e-4 --out runs/vit\n"
      "  kelvin train --adversarial pgd --validation 1000 --out runs/selected   # evaluate with --checkpoint best\n"
      "  kelvin train --resume --config runs/tau1/config.toml --out runs/tau1",
      {});
  c->add_option("--data", o.data, "fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR, synthetic[:options], npy:DIR")
      ->capture_default_str();
  c->add_option(
       "--model", o.model,
       "mlp, resnet8, resnet20, resnet18, resnet34, resnet50, vit_tiny_patch4, vit_small_patch4, vit_tiny_patch7,\n"
       "vit_tiny_patch16_224, vit_small_patch16_224")
      ->capture_default_str();
  c->add_option("--stem", o.stem, "resnet18 and larger: cifar, imagenet, or auto (cifar for images of up to 64 pixels)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cifar", "imagenet"}));
  c->add_option("--tau", f->tau,
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
  c->add_option("--auto-taus", f->auto_taus, "Candidates of --tau auto")->capture_default_str();
  c->add_option("--auto-lr", f->auto_lr, "Learning rates that --tau auto tries with each temperature; default: --lr");
  c->add_option("--auto-eta", f->search.eta, "--tau auto keeps one of N candidates and trains it N times as long")
      ->capture_default_str();
  c->add_flag("--auto-regret", f->search.measures_regret,
              "--tau auto: also train every candidate in full, for the regret");
  c->add_option("--tau-schedule", f->tau_schedule, "constant, linear, cosine or cyclic, from --tau to --tau-end")
      ->capture_default_str();
  c->add_option("--tau-end", f->tau_end, "Temperature at the end of the schedule")->transform(fraction());
  c->add_option("--tau-period", o.tau.period, "Epochs a cycle of the cyclic schedule")->capture_default_str();
  c->add_option("--epochs", o.epochs)->capture_default_str();
  c->add_option("--batch-size", o.batch_size)->capture_default_str();
  c->add_option("--optimizer", f->optimizer, "sgd, adam or adamw")->capture_default_str();
  c->add_option("--lr", o.lr.base, "Base learning rate")->transform(fraction())->capture_default_str();
  c->add_option("--lr-schedule", f->lr_schedule, "constant, step or cosine")->capture_default_str();
  c->add_option("--warmup-epochs", o.lr.warmup_epochs, "Linear rise at the start")->capture_default_str();
  c->add_flag("--lr-times-tau", o.lr_times_tau, "Multiply the learning rate by the temperature");
  c->add_option("--momentum", o.optimizer.momentum)->capture_default_str();
  c->add_flag("--nesterov", o.optimizer.nesterov);
  c->add_option("--weight-decay", o.optimizer.weight_decay)->transform(fraction())->capture_default_str();
  add_fine_tuning_flags(*c, o);
  add_adversarial_flags(*c, *f);
  c->add_option("--precision", f->precision, "f32 or bf16 activations")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  c->add_option(
       "--augment", f->augment,
       "none, standard (pad 4, above 48 pixels 8, random crop, flip), or cutout (standard and a square of zeros)")
      ->check(CLI::IsMember({"none", "standard", "cutout"}))
      ->capture_default_str();
  c->add_option("--init", o.init, "Start from a safetensors file: Kelvin's, torchvision's or timm's");
  c->add_flag("--allow-partial", o.allow_partial, "With --init: load what fits");
  c->add_flag("--reparametrize", o.reparametrize,
              "Control: the same training written as tau = 1 with a small, slow last layer");
  c->add_option("--log-every", o.log_every, "Steps between lines of metrics.jsonl")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c->add_option("--eval-every", o.eval_every, "Epochs between test evaluations")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c->add_option("--loader-workers", o.loader_workers, "Threads that prepare batches")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c->add_option("--limit", f->limit, "The first N images of both halves")->check(CLI::NonNegativeNumber);
  c->add_option("--train-limit", f->train_limit, "The first N training images")->check(CLI::NonNegativeNumber);
  c->add_option("--test-limit", f->test_limit, "The first N test images")->check(CLI::NonNegativeNumber);
  c->add_option(
      "--keep-checkpoints", f->keep_checkpoints,
      "all, or epochs such as 0,1,5,10: their weights stay as checkpoint-0005.safetensors (0: before training)");
  c->add_option("--validation", f->validation,
                "Hold out N training images, chosen by --seed; each epoch is measured on them, the best kept")
      ->check(CLI::NonNegativeNumber);
  c->add_option("--select-by", f->select_by,
                "What makes an epoch the best on --validation: robust, accuracy or none; default: robust with\n"
                "--adversarial, accuracy otherwise")
      ->check(CLI::IsMember({"robust", "accuracy", "none"}));
  c->add_option("--out", f->out, "Run folder")->configurable(false);
  c->add_flag("--resume", o.resume, "Continue the run in --out");
  return c;
}

}  // namespace

void add_train(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<TrainFlags>();
  CLI::App* const c = declare(app, common, f);
  c->callback([f, &common, c] { run(*f, common, *c); });
}

std::vector<TrainFlagInfo> train_flags() {
  CLI::App app, other;
  CommonOptions common;
  const CLI::App* const command = declare(app, common, std::make_shared<TrainFlags>());
  const CLI::App* const bare = add_command(other, common, "bare", "", "", {});
  std::vector<TrainFlagInfo> flags;
  for (const CLI::Option* option : command->get_options()) {
    if (option->get_lnames().empty() || !option->get_configurable()) continue;
    const std::string name = option->get_lnames().front();
    if (name == "resume" || bare->get_option_no_throw("--" + name) != nullptr) continue;
    flags.push_back({name, option->get_description(), option->get_expected_max() == 0});
  }
  return flags;
}

TrainOptions parse_train_flags(const std::vector<std::string>& arguments) {
  CLI::App app;
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CommonOptions common;
  auto f = std::make_shared<TrainFlags>();
  declare(app, common, f);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
  reversed.emplace_back("train");
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    throw mistake("train: ", e.what());
  }
  resolve(*f, common);
  return f->options;
}

}  // namespace kelvin
