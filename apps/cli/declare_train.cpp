// The table of the flags of `kelvin train`. train_flags.cpp defines their combined meaning.
#include <algorithm>

#include "apps/cli/subcommand.h"
#include "apps/cli/train_flags.h"
#include "apps/run/number_text.h"

namespace kelvin {
namespace {

constexpr const char* kGroups[] = {"Data",        "Model", "Temperature", "Optimisation", "Adversarial training",
                                   "Fine-tuning", "Output"};

// A number, a fraction, or a word.
Field tau_field(std::string& tau) {
  Field f = field("tau", tau,
                  message("Training temperature, > 0; auto: chosen on a held-out split by successive halving; "
                          "learn[:START]: trained, best with ",
                          "classifier"_field, " cosine"));
  f.set = [&tau](const std::string& text) {
    double value = 0;
    const bool is_number = read_fraction(text, value).empty() || text.find('/') != std::string::npos;
    tau = is_number ? exact(number_of<double>("tau", any(), text)) : text;
  };
  return f;
}

}  // namespace

Fields train_flag_fields(TrainFlags& f) {
  Fields all = joined(
      {group("Temperature",
             {basic(tau_field(f.tau)),
              basic(field("tau-end", f.tau_end, above(0), "Temperature at the end of the schedule")),
              field("auto-taus", f.auto_taus, "Candidates of --tau auto"),
              field("auto-lr", f.auto_lr, "Learning rates that --tau auto tries with each temperature; default: --lr"),
              field("auto-eta", f.search.eta, in(2, 1000),
                    "--tau auto keeps one of N candidates and trains it N times as long"),
              field("auto-regret", f.search.measures_regret,
                    "--tau auto: also train every candidate in full, for the regret")}),
       group("Optimisation",
             {basic(field("lr", f.lr, at_least(0), "Base learning rate; default: 0.1, with adam and adamw 0.001"))}),
       train_fields(f.options),
       group("Data",
             {basic(field("limit", f.limit, at_least(0), "The first N images of both halves; 0: all")),
              field("train-limit", f.train_limit, at_least(0), "The first N training images; 0: as --limit"),
              field("test-limit", f.test_limit, at_least(0), "The first N test images; 0: as --limit"),
              field("validation", f.validation, at_least(0),
                    "Hold out N training images, chosen by --seed; each epoch is measured on them, the best kept")}),
       group("Adversarial training",
             {basic(field("adversarial-eps", f.adversarial_eps, at_least(0),
                          "Radius of the ball; default: pgd 8/255, trades and mart 0.031")),
              field("adversarial-step", f.adversarial_step, at_least(0), "Default: pgd 2/255, trades and mart 0.007")}),
       group("Output", {basic(field("out", f.out, "Run folder", Resume::unrecorded))})});
  std::ranges::stable_sort(all, {}, [](const Field& one) { return std::ranges::find(kGroups, one.group); });
  return all;
}

CLI::App* declare_train(CLI::App& app, CommonOptions& common, TrainFlags& f) {
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
  add_fields(*c, train_flag_fields(f));
  return c;
}

}  // namespace kelvin
