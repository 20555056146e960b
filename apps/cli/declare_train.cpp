// Which flags `kelvin train` has. What they mean together stands in train_flags.cpp.
#include "apps/cli/fine_tuning_flags.h"
#include "apps/cli/help.h"
#include "apps/cli/train_flags.h"
#include "kernels/device/listed.h"
#include "kernels/device/threads.h"
#include "models/model.h"

namespace kelvin {
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
  c.add_option("--adversarial-steps", a.steps, "Of the inner attack")->capture_default_str();
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

// In which group of --help a flag stands.
std::vector<HelpGroup> help_groups() {
  return {{"Data", {"data", "limit", "augment"}, {"train-limit", "test-limit", "validation", "loader-workers"}},
          {"Model",
           {"model", "init", "precision"},
           {"stem", "classifier", "cosine-scale", "image-size", "normalize", "dropout", "drop-path",
            "checkpoint-activations", "allow-partial", "head-init"}},
          {"Temperature",
           {"tau", "tau-schedule", "tau-end"},
           {"tau-period", "tau-lr", "auto-taus", "auto-lr", "auto-eta", "auto-regret", "reparametrize"}},
          {"Optimisation",
           {"epochs", "batch-size", "optimizer", "lr", "lr-schedule", "lr-times-tau", "weight-decay"},
           {"warmup-epochs", "momentum", "nesterov", "beta1", "beta2", "adam-eps", "clip-gradient-norm", "accumulate",
            "label-smoothing", "ema"}},
          {"Adversarial training",
           {"adversarial", "adversarial-eps", "adversarial-steps", "inner-tau"},
           {"adversarial-step", "adversarial-loss", "trades-beta", "mart-lambda", "kl-tau", "kl-adversarial-tau",
            "balance-tau", "awp", "awp-warmup", "inner-batch-norm"}},
          {"Fine-tuning", {"freeze-backbone"}, {"head-lr-scale", "layer-decay"}},
          {"Output",
           {"out", "resume"},
           {"accept-changed-data", "select-by", "keep-checkpoints", "log-every", "eval-every"}}};
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
  c->add_option("--cosine-scale", o.cosine_scale, "Multiplies the cosines of --classifier cosine")
      ->transform(fraction())
      ->capture_default_str();
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
  c->add_option("--epochs", o.epochs, "Passes over the training images")->capture_default_str();
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
  c->add_option("--momentum", o.optimizer.momentum, "sgd: share of the last update that the next one keeps")
      ->capture_default_str();
  c->add_flag("--nesterov", o.optimizer.nesterov, "sgd: Nesterov's momentum");
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
  group_flags(*c, help_groups());
  return c;
}

}  // namespace kelvin
