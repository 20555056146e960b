#include "apps/sweep/presets.h"

#include <functional>

#include "kernels/device/listed.h"

namespace kelvin {
namespace {

// Sizes that two cores finish in about half an hour (paper) or less; a GPU machine overrides them: --train-limit 0 --epochs 30.
Flags small_training() {
  return {{"data", "fashion-mnist"}, {"model", "resnet8"},  {"epochs", "3"},         {"lr", "0.1"},
          {"lr-times-tau", "true"},  {"weight-decay", "0"}, {"train-limit", "20000"}};
}

SweepPlan paper() {
  SweepPlan p;
  p.title = "Training temperature: the paper's protocol and the sound one";
  p.axes = {parse_axis("tau=0.1,0.5,1,10,30,50,70,100")};
  p.train = small_training();
  p.baseline = Baseline{"tau", "1"};
  return p;
}

SweepPlan learning_rate_boundary() {
  SweepPlan p;
  p.title = "Learning rate and temperature: where training stops converging";
  p.axes = {parse_axis("tau=0.1,0.5,1,10,50,100"), parse_axis("lr=0.01,0.03,0.1,0.3,1,3"),
            parse_axis("lr-times-tau=false,true")};
  p.train = small_training();
  set_flag(p.train, {"epochs", "1"});
  set_flag(p.train, {"train-limit", "10000"});
  p.measure.kinds = {"clean"};
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
      {"paper", paper},
      {"adversarial", adversarial},
      {"controls", controls},
      {"lr-boundary", learning_rate_boundary},
      {"synthetic", synthetic}};
  return all;
}

}  // namespace

SweepPlan preset(const std::string& name) {
  for (const auto& [key, make] : presets())
    if (key == name) return make();
  throw mistake("preset"_field, " ", name,
                " is unknown; known: ", listed(presets(), [](const auto& entry) { return entry.first; }));
}

}  // namespace kelvin
