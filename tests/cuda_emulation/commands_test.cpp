// Every command that computes with a model (`bench` only times it) on the emulated device, through the whole CUDA path – captured steps,
// device-resident data, plans, pools – against the same command on the CPU: the same numbers in its JSON.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cuda_emulation/ranks.h"
#include "tests/support.h"

namespace kelvin::testing {
namespace {

using Json = nlohmann::json;

#define DATA "--data synthetic:train=48,test=16,size=8,channels=3,classes=4 "
#define TRAIN "train " DATA "--model resnet8 --batch-size 16 --lr 0.05 --log-every 1 "

struct Command {
  const char *name, *arguments;  // ../run is a small trained run, ../x.npy are four images
  // |gpu - cpu| <= absolute + relative |cpu|. A handful of steps lets the roundings of two devices grow to a thousandth at most, one of
  // sixteen images on the other side of a boundary would be six hundredths.
  double relative = 1e-2, absolute = 1e-3;
};
void PrintTo(const Command& c, std::ostream* out) { *out << c.name; }

class EmulatedCommands : public ::testing::TestWithParam<Command> {
 protected:
  // What a command answers that runs in a folder of its own.
  Outcome run(const char* program, const char* where, const std::string& arguments) {
    const auto folder = folder_ / where;
    std::filesystem::create_directories(folder);
    return run_program(folder, program, arguments + " --quiet --json");
  }
  TemporaryFolder folder_;
};

// Times and places; sentences whose numbers stand beside them; and how far PGD moved the images it fooled, which leave on the CPU and go on on
// a GPU.
bool may_differ(const std::string& key) {
  for (const char* part : {"second", "img_per_s", "out", "report", "figures", "claims", "mean_displacement", "device"})
    if (key.find(part) != std::string::npos) return true;
  return false;
}

void expect_same(const Json& got, const Json& expected, const Command& c, const std::string& where) {
  if (expected.is_number()) {
    ASSERT_TRUE(got.is_number()) << where;
    const double a = got.get<double>(), b = expected.get<double>();
    EXPECT_NEAR(a, b, c.absolute + c.relative * std::abs(b)) << where;
    return;
  }
  ASSERT_EQ(got.type(), expected.type()) << where;
  if (!expected.is_structured()) {
    EXPECT_EQ(got, expected) << where;
    return;
  }
  ASSERT_EQ(got.size(), expected.size()) << where;
  for (const auto& [key, value] : expected.items()) {
    if (expected.is_object() && may_differ(key)) continue;
    const Json* const mine = expected.is_array() ? &got[std::stoul(key)] : got.contains(key) ? &got[key] : nullptr;
    ASSERT_NE(mine, nullptr) << where << "/" << key;
    expect_same(*mine, value, c, where + "/" + key);
  }
}

// Without the audit's check in bfloat16, which an older CPU does not have and which turns images on the boundary.
Json answer_of(const Outcome& outcome) {
  Json answer = Json::parse(outcome.out);
  if (answer.contains("checks"))
    std::erase_if(answer["checks"].get_ref<Json::array_t&>(), [](const Json& c) { return c["name"] == "precision"; });
  return answer;
}

TEST_P(EmulatedCommands, GiveTheNumbersOfTheCpu) {
  const std::string arguments = GetParam().arguments;
  if (arguments.find("../") != std::string::npos) {
    ASSERT_EQ(run(KELVIN_PROGRAM, ".", TRAIN "--epochs 2 --tau 2 --keep-checkpoints all --out run").code, 0);
    ASSERT_EQ(run(KELVIN_PROGRAM, ".", "attack run --attack fgsm --limit 4 --save-adversarial x.npy").code, 0);
  }
  const Outcome on_cpu = run(KELVIN_PROGRAM, "cpu", arguments + " --device cpu");
  if (on_cpu.code == 2 && arguments.find("bf16") != std::string::npos) GTEST_SKIP() << on_cpu.err;  // an older CPU
  ASSERT_EQ(on_cpu.code, 0) << on_cpu.err;
  const Outcome on_gpu = run(KELVIN_EMULATED_PROGRAM, "gpu", arguments + " --device cuda");
  ASSERT_EQ(on_gpu.code, 0) << on_gpu.err;
  expect_same(answer_of(on_gpu), answer_of(on_cpu), GetParam(), GetParam().name);
}

const Command kCommands[] = {
    {"train", TRAIN "--epochs 2 --augment standard --nesterov --weight-decay 0.001 --out made"},
    {"train_adamw",
     TRAIN "--epochs 2 --augment cutout --accumulate 2 --ema 0.9 --clip-gradient-norm 1 --optimizer adamw "
           "--label-smoothing 0.1 --lr 0.001 --out made"},
    // 8 bits a number: hundredths of a loss, and two images.
    {"train_bf16", TRAIN "--epochs 1 --precision bf16 --out made", 0.05, 0.13},
    {"train_pgd", TRAIN "--epochs 1 --adversarial pgd --adversarial-steps 3 --validation 8 --awp 0.01 --out made"},
    {"train_trades", TRAIN "--epochs 1 --adversarial trades --adversarial-steps 3 --out made"},
    {"train_mart", TRAIN "--epochs 1 --adversarial mart --adversarial-steps 3 --inner-batch-norm train --out made"},
    {"train_learned_tau", TRAIN "--epochs 1 --tau learn:2 --classifier cosine --out made"},
    {"train_tau_auto", TRAIN "--epochs 1 --tau auto --auto-taus 1,30 --validation 16 --out made"},
    {"train_mlp", "train " DATA "--model mlp --epochs 1 --batch-size 16 --reparametrize --tau 5 --out made"},
    {"evaluate", "evaluate ../run --fit-tau folds"},
    {"corrupt", "corrupt ../run --corruptions gaussian_noise,contrast --severity 3"},
    {"geometry", "geometry ../run --across-training"},
    {"gradients", "gradients ../run --taus 1,50 --limit 8"},
    {"explore", "explore ../run --images 4 --steps 3"},
    {"predict", "predict --weights ../run/checkpoint.safetensors --input ../x.npy --output z.npy"},
    {"fgsm", "attack ../run --attack fgsm"},
    {"pgd", "attack ../run --attack pgd --eps 2/255 --restarts 2 --batch-size 5"},
    {"pgd_l2", "attack ../run --attack pgd --norm l2 --eps 0.5 --last-iterate --loss margin"},
    {"pgd_targeted", "attack ../run --attack pgd --targeted least-likely --last-iterate --limit 8"},
    {"pgd_all", "attack ../run --attack pgd --targeted all --steps 4"},
    {"mifgsm", "attack ../run --attack mifgsm --limit 8"},
    {"cw", "attack ../run --attack cw --limit 8 --steps 10"},
    {"cw_l2", "attack ../run --attack cw --norm l2 --limit 4 --steps 10 --search-steps 2"},
    {"fab_l2", "attack ../run --attack fab-t --norm l2 --eps 0.5 --limit 8 --steps 5 --targets 2"},
    {"autoattack", "attack ../run --attack autoattack --eps 2/255 --limit 4 --queries 20"},
    {"audit", "audit ../run --limit 2"},
    {"sweep",
     "sweep --preset temperatures " DATA "--model resnet8 --set batch-size=16 --epochs 1 --seeds 0 --grid tau=1,30 "
     "--attack-limit 4 --worst-limit 4 --worst-attack apgd-t --corrupt-limit 4 --geometry-limit 8 --out made"},
    {"quickstart", "quickstart " DATA "--model resnet8 --epochs 1 --batch-size 16 --taus 1 30 --attack-limit 4 "
                   "--corrupt-limit 8 --out made"},
};
// Two ranks with a device each against two ranks on the CPU. 40 images in batches of 16: the last one is not recorded.
class EmulatedRanks : public EmulatedCommands {
 protected:
  Outcome run_two(const char* where, const std::string& arguments) {
    const std::filesystem::path folder = folder_ / where;
    std::filesystem::create_directories(folder);
    std::vector<std::string> command = {"/usr/bin/env", "-C", folder.string(), KELVIN_EMULATED_PROGRAM};
    std::istringstream words(arguments + " --quiet --json");
    for (std::string word; words >> word;) command.push_back(word);
    const std::vector<emulated::EndedRank> ended = emulated::run_ranks(2, command);
    EXPECT_EQ(ended[1].code, ended[0].code) << ended[1].output;
    EXPECT_EQ(ended[1].output, "");  // the first rank alone speaks
    return {.code = ended[0].code, .out = ended[0].output, .err = ended[0].output};
  }
};

TEST_P(EmulatedRanks, GiveTheNumbersOfTheCpu) {
  const std::string arguments = GetParam().arguments;
  if (arguments.find("../") != std::string::npos) {
    ASSERT_EQ(run(KELVIN_PROGRAM, ".", TRAIN "--epochs 1 --out run").code, 0);
  }
  const Outcome on_cpu = run_two("cpu", arguments + " --device cpu");
  ASSERT_EQ(on_cpu.code, 0) << on_cpu.err;
  const Outcome on_gpu = run_two("gpu", arguments + " --device cuda");
  ASSERT_EQ(on_gpu.code, 0) << on_gpu.err;
  expect_same(answer_of(on_gpu), answer_of(on_cpu), GetParam(), GetParam().name);
}

#define TRAIN_40 \
  "train --data synthetic:train=40,test=16,size=8,channels=3,classes=4 --model resnet8 --batch-size 16 --lr 0.05 "
const Command kCommandsOfTwo[] = {
    {"train", TRAIN_40 "--epochs 2 --augment standard --nesterov --weight-decay 0.001 --sync-batch-norm --out made"},
    {"train_accumulated", TRAIN_40 "--epochs 1 --accumulate 2 --clip-gradient-norm 1 --ema 0.9 --out made"},
    {"train_trades", TRAIN_40 "--epochs 1 --adversarial trades --adversarial-steps 2 --awp 0.005 --out made"},
    {"train_learned_tau", TRAIN_40 "--epochs 1 --tau learn:2 --classifier cosine --out made"},
    {"evaluate", "evaluate ../run --batch-size 4"},
    {"pgd", "attack ../run --attack pgd --eps 2/255 --batch-size 4"},
};
INSTANTIATE_TEST_SUITE_P(Program, EmulatedRanks, ::testing::ValuesIn(kCommandsOfTwo),
                         [](const auto& info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(Program, EmulatedCommands, ::testing::ValuesIn(kCommands),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace kelvin::testing
