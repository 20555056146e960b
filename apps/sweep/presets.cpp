#include "apps/sweep/presets.h"

#include <functional>
#include <numeric>

#include "kernels/device/listed.h"

namespace kelvin {
namespace {

// Sizes that two cores finish in about half an hour (temperatures) or less; a GPU machine overrides them: --train-limit 0 --epochs 30.
Flags small_training() {
  return {{"data", "fashion-mnist"}, {"model", "resnet8"},  {"epochs", "3"},         {"lr", "0.1"},
          {"lr-times-tau", "true"},  {"weight-decay", "0"}, {"train-limit", "20000"}};
}

std::vector<std::uint64_t> first_seeds(std::uint64_t n) {
  std::vector<std::uint64_t> seeds(n);
  std::iota(seeds.begin(), seeds.end(), std::uint64_t{0});
  return seeds;
}

// The same 20,000 images, and 5,000 more to choose on.
Flags training_with_choice() {
  Flags flags = small_training();
  set_flag(flags, {"train-limit", "25000"});
  set_flag(flags, {"validation", "5000"});
  return flags;
}

SweepPlan temperatures() {
  SweepPlan p;
  p.title = "Training temperature: the usual attacks and the sound ones";
  p.axes = {parse_axis("tau=0.1,0.5,1,10,30,50,70,100")};
  p.train = small_training();
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// The best learning rate depends on the temperature, so each temperature gets its own. Rates in half-decades or finer.
SweepPlan fair_learning_rates() {
  SweepPlan p;
  p.title = "Temperatures, each at its best learning rate";
  p.axes = {parse_axis("tau=0.1,0.5,1,10,50,100"), parse_axis("lr=0.01,0.03,0.06,0.12,0.25,0.5")};
  p.train = training_with_choice();
  p.seeds = first_seeds(8);
  p.choice = Choice{.axis = "lr"};
  p.choice->kinds = {"clean", "pgd"};
  p.measure.kinds = {"clean", "corrupt", "pgd", "worst"};
  p.measure.worst_attack = "apgd-t";
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// One recipe written in two ways: every difference that a test finds between them is a false one.
SweepPlan same_recipe_twice() {
  SweepPlan p;
  p.title = "A/A: one recipe in two parametrisations";
  p.axes = {{"variant",
             {parse_variant("tau 50: tau=50"), parse_variant("reparametrised tau 50: tau=50 reparametrize=true")}}};
  p.train = small_training();
  p.seeds = first_seeds(20);
  p.measure.kinds = {"clean", "corrupt", "pgd"};
  p.baseline = Baseline{"variant", "tau 50"};
  return p;
}

SweepPlan targeted() {
  SweepPlan p;
  p.title = "Targeted against untargeted attacks: the order that a converged attack cannot invert";
  p.axes = {{"variant",
             {parse_variant("tau 0.1: tau=0.1"), parse_variant("tau 1: tau=1 logit-scale=50"),
              parse_variant("tau 10: tau=10"), parse_variant("tau 50: tau=50"), parse_variant("tau 100: tau=100")}}};
  p.train = small_training();
  p.seeds = first_seeds(5);
  p.measure.kinds = {"clean", "targeted"};
  p.baseline = Baseline{"variant", "tau 1"};
  return p;
}

SweepPlan onset() {
  SweepPlan p;
  p.title = "Where PGD stops: margin against the threshold of float32";
  p.axes = {{"variant",
             {parse_variant("tau 1: tau=1 logit-scale=5 logit-scale=10 logit-scale=20 logit-scale=30 logit-scale=50 "
                            "logit-scale=100"),
              parse_variant("tau 10: tau=10 logit-scale=2 logit-scale=3 logit-scale=5 logit-scale=10"),
              parse_variant("tau 50: tau=50 logit-scale=0.1 logit-scale=0.3 logit-scale=0.5 logit-scale=2"),
              parse_variant("tau 100: tau=100 logit-scale=0.1 logit-scale=0.3 logit-scale=0.5")}},
            parse_axis("precision=f32,bf16")};
  p.train = small_training();
  p.measure.kinds = {"clean", "pgd"};
  p.baseline = Baseline{"variant", "tau 1"};
  return p;
}

// Softmax at temperature 50 is softmax at 1 with a last layer that begins 50 times smaller and learns 2500 times more slowly.
SweepPlan head_two_by_two() {
  SweepPlan p;
  p.title = "What of the temperature is the head's initialisation, what its learning rate";
  p.axes = {{"variant",
             {parse_variant("plain: tau=1"), parse_variant("small head: tau=1 head-init-scale=0.02"),
              parse_variant("slow head: tau=1 head-lr-scale=0.0004"),
              parse_variant("small slow head: tau=1 head-init-scale=0.02 head-lr-scale=0.0004")}},
            parse_axis("lr=0.03,0.1,0.3,1,3,10")};
  p.train = training_with_choice();
  p.seeds = first_seeds(10);
  p.choice = Choice{.axis = "lr"};
  p.measure.kinds = {"clean", "corrupt", "pgd", "geometry"};
  p.baseline = Baseline{"variant", "plain"};
  return p;
}

SweepPlan distance() {
  SweepPlan p;
  p.title = "Distance to the decision boundary, and the geometry that is said to explain it";
  p.axes = {parse_axis("tau=0.1,1,10,50,100")};
  p.train = small_training();
  p.seeds = first_seeds(10);
  p.measure.kinds = {"clean", "geometry", "distance"};
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// A larger network on the whole training half, at rates chosen with fewer candidates; trained in bfloat16, measured in float32.
SweepPlan resnet20_confirmation() {
  SweepPlan p;
  p.title = "ResNet-20 on the whole training half, each temperature at its best learning rate";
  p.axes = {parse_axis("tau=1,10,50"), parse_axis("lr=0.03,0.1,0.3")};
  p.train = {{"data", "fashion-mnist"}, {"model", "resnet20"}, {"epochs", "15"},      {"lr", "0.1"},
             {"lr-times-tau", "true"},  {"weight-decay", "0"}, {"precision", "bf16"}, {"validation", "5000"}};
  p.seeds = first_seeds(5);
  p.choice = Choice{.axis = "lr", .seeds = {100}};
  p.measure.kinds = {"clean", "corrupt", "pgd", "worst", "distance"};
  p.measure.worst_attack = "apgd-t+fab-t";
  p.measure.attack_limit = p.measure.worst_limit = 1000;
  p.measure.severities = {3, 1, 5};
  p.measure.precision = DType::f32;
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// The search goes up from rates that suit each temperature: far below them a training is too slow to count as converged.
// On held-out images: a rate that is chosen by looking at the test set makes every later figure too good.
SweepPlan learning_rate_boundary() {
  SweepPlan p;
  p.title = "Learning rate and temperature: where training stops converging";
  p.axes = {parse_axis("tau=0.1,0.5,1,10,50,100"), parse_axis("lr=0.1")};
  p.bisected = "lr";
  p.train = small_training();
  set_flag(p.train, {"epochs", "1"});
  set_flag(p.train, {"train-limit", "12000"});
  set_flag(p.train, {"validation", "2000"});
  p.measure.kinds = {"clean"};
  p.measure.held_out = true;
  return p;
}

// Adversarial training takes ten attack steps for each training step: half the images take as long as five plain trainings.
SweepPlan adversarial() {
  SweepPlan p;
  p.title = "Adversarial training at two temperatures: robustness that is there";
  p.axes = {parse_axis("tau=1,10")};
  p.train = small_training();
  set_flag(p.train, {"adversarial", "pgd"});
  set_flag(p.train, {"train-limit", "10000"});
  p.measure.kinds = {"clean", "corrupt", "attacks", "worst"};
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// Robust accuracy falls while the training goes on (Rice et al. 2020, 2002.11569), so the epoch is chosen as well as the rate.
SweepPlan adversarial_fifty() {
  SweepPlan p;
  p.title = "Adversarial training at three temperatures, rate and epoch chosen by robust accuracy";
  p.axes = {parse_axis("tau=1,10,50"), parse_axis("lr=0.03,0.1,0.3")};
  p.train = {{"data", "fashion-mnist"}, {"model", "resnet8"},     {"epochs", "12"},       {"lr", "0.1"},
             {"lr-times-tau", "true"},  {"weight-decay", "5e-4"}, {"adversarial", "pgd"}, {"train-limit", "12000"},
             {"validation", "2000"},    {"select-by", "robust"}};
  p.seeds = first_seeds(5);
  p.choice = Choice{.axis = "lr", .seeds = {100}, .by = "pgd_log_odds", .kinds = {"clean", "pgd"}};
  p.measure.kinds = {"clean", "corrupt", "pgd", "worst"};
  p.measure.worst_attack = "apgd-t+fab-t";
  p.measure.checkpoint = Which::best;
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// TRADES has two temperatures: of its cross-entropy and of its KL term. Their ratio moves the balance that β sets, so each pair gets its own β.
SweepPlan trades_temperatures() {
  SweepPlan p;
  p.title = "Two temperatures in TRADES, each pair at its best beta";
  p.axes = {parse_axis("tau=1,5"), parse_axis("kl-tau=1,5"), parse_axis("trades-beta=1,3,6,12")};
  p.train = small_training();
  for (const Flag& flag : Flags{{"adversarial", "trades"},
                                {"adversarial-loss", "log-odds"},
                                {"train-limit", "7000"},
                                {"validation", "2000"}})
    set_flag(p.train, flag);
  p.seeds = first_seeds(5);
  p.choice = Choice{.axis = "trades-beta", .seeds = {100}, .by = "pgd_log_odds", .kinds = {"clean", "pgd"}};
  p.measure.kinds = {"clean", "pgd", "worst"};
  p.measure.worst_attack = "apgd-t+fab-t";
  p.baseline = Baseline{"tau", "1"};
  return p;
}

// Whether the temperature means the same for an architecture without BatchNorm and for an optimizer that divides by the gradient's size.
SweepPlan vision_transformer() {
  SweepPlan p;
  p.title = "A vision transformer and a ResNet, with SGD and Adam, each at its best learning rate";
  p.axes = {{"variant",
             {parse_variant("resnet20 sgd: model=resnet20 optimizer=sgd lr-times-tau=true"),
              parse_variant("resnet20 adam: model=resnet20 optimizer=adam"),
              parse_variant("vit sgd: model=vit_tiny_patch7 optimizer=sgd lr-times-tau=true"),
              parse_variant("vit adam: model=vit_tiny_patch7 optimizer=adam")}},
            parse_axis("tau=1,50"),
            parse_axis("lr=0.0003,0.001,0.003,0.01,0.03,0.1")};
  p.train = training_with_choice();
  std::erase_if(p.train, [](const Flag& flag) { return flag.name == "lr-times-tau"; });
  p.seeds = first_seeds(5);
  p.choice = Choice{.axis = "lr", .seeds = {100}};
  p.measure.kinds = {"clean", "corrupt", "pgd", "worst"};
  p.measure.worst_attack = "apgd-t+fab-t";
  p.baseline = Baseline{"tau", "1"};
  return p;
}

SweepPlan controls() {
  SweepPlan p;
  p.title = "Controls: what the effect of the temperature is made of";
  p.axes = {{"variant",
             {parse_variant("tau 1: tau=1 logit-scale=50"), parse_variant("tau 50: tau=50"),
              parse_variant("reparametrised tau 50: tau=50 reparametrize=true"),
              parse_variant("label smoothing 0.1: tau=1 label-smoothing=0.1"),
              parse_variant("cosine classifier s=15: tau=1 classifier=cosine cosine-scale=15")}}};
  p.train = small_training();
  p.measure.kinds = {"clean", "pgd", "worst"};
  p.baseline = Baseline{"variant", "tau 1"};
  return p;
}

SweepPlan synthetic() {
  SweepPlan p;
  p.title = "Gaussian classes: the mechanism of the temperature alone";
  p.axes = {parse_axis("tau=0.1,0.5,1,10,30,50,70,100")};
  p.train = {{"data", "synthetic:train=5000,test=1000,size=8,classes=10"},
             {"model", "mlp"},
             {"epochs", "20"},
             {"lr", "0.05"},
             {"lr-times-tau", "true"},
             {"weight-decay", "0"}};
  p.seeds = {0, 1, 2};
  p.measure.kinds = {"clean", "attacks", "worst", "geometry"};
  p.measure.attack_limit = 1000;
  p.baseline = Baseline{"tau", "1"};
  return p;
}

const std::vector<std::pair<std::string, std::function<SweepPlan()>>>& presets() {
  static const std::vector<std::pair<std::string, std::function<SweepPlan()>>> all = {
      {"temperatures", temperatures},
      {"lr-fair", fair_learning_rates},
      {"controls", controls},
      {"adversarial", adversarial},
      {"targeted", targeted},
      {"onset", onset},
      {"a-a", same_recipe_twice},
      {"head-2x2", head_two_by_two},
      {"trades-tau", trades_temperatures},
      {"at-50", adversarial_fifty},
      {"vit", vision_transformer},
      {"distance", distance},
      {"resnet20-confirm", resnet20_confirmation},
      {"lr-boundary", learning_rate_boundary},
      {"synthetic", synthetic}};
  return all;
}

}  // namespace

SweepPlan preset(const std::string& name) {
  for (const auto& [key, make] : presets())
    if (key == name || (name == "paper" && key == "temperatures")) return make();  // "paper": its former name
  throw mistake("preset"_field, " ", name, " is unknown; known: ", listed(preset_names()));
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : presets()) names.push_back(name);
  return names;
}

}  // namespace kelvin
