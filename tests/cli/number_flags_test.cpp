// Every flag that takes a number, as --help names them.
#include <gmock/gmock.h>

#include <regex>
#include <sstream>

#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;

class NumberFlags : public CliTest {
 protected:
  struct Flag {
    std::string name;
    bool is_whole = false;
  };
  std::vector<Flag> flags_of(const std::string& command) {
    std::vector<Flag> flags;
    const std::regex line(R"(^ +--([a-z0-9-]+)\S* (FLOAT|INT|UINT))");
    std::istringstream help(kelvin(command + " --help-all").out);
    for (std::string text; std::getline(help, text);)
      if (std::smatch found; std::regex_search(text, found, line)) flags.push_back({found[1], found[2] != "FLOAT"});
    return flags;
  }
  void expect_refused(const std::string& arguments, const std::string& flag, const std::string& value) {
    const Outcome o = kelvin(arguments + " --" + flag + " " + value);
    EXPECT_EQ(o.code, 2) << arguments << " --" << flag << " " << value << "\n" << o.err;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    EXPECT_THAT(o.err, HasSubstr("--" + flag)) << value;
    EXPECT_THAT(o.err, ::testing::Not(HasSubstr("nowhere"))) << "seen only when the work had begun";
    EXPECT_EQ(o.out, "");
  }
};

TEST_F(NumberFlags, NoneTakesWhatIsNoNumberForIt) {
  const std::vector<std::pair<std::string, std::string>> commands = {
      {"train", "train --data npy:nowhere --out x"},
      {"evaluate", "evaluate nowhere"},
      {"corrupt", "corrupt nowhere"},
      {"attack", "attack nowhere"},
      {"audit", "audit nowhere"},
      {"geometry", "geometry nowhere"},
      {"gradients", "gradients nowhere"},
      {"explore", "explore nowhere"},
      {"quickstart", "quickstart --data npy:nowhere"},
      {"sweep", "sweep --data npy:nowhere --seeds 0,1 --out x"},
      {"bench", "bench --cases train-mlp --seconds 0.01"},
      {"predict", "predict --weights nowhere --input nowhere --output x"},
      {"weights import", "weights import nowhere --model mlp --out x"},
      {"data show", "data show --data npy:nowhere --out x.png"}};
  std::size_t count = 0;
  for (const auto& [command, arguments] : commands) {
    const bool is_first = command == "train";
    for (const Flag& flag : flags_of(command)) {
      if (!is_first && (flag.name == "seed" || flag.name == "threads")) continue;  // the same for all
      ++count;
      expect_refused(arguments, flag.name, flag.is_whole ? "-1" : "nan");
      if (is_first) expect_refused(arguments, flag.name, flag.is_whole ? "99999999999999999999" : "1e999");
    }
  }
  EXPECT_GT(count, 90u);
  for (const char* value : {"inf", "-inf", "-nan", "1e39", "0.5x", "x", "''", "0.5,0.6", "1/0", "1/nan"})
    expect_refused("train --data npy:nowhere --out x", "weight-decay", value);
  for (const char* value : {"2.5", "1e3", "ten", "''", "0x", "0xfg", "99999999999"})
    expect_refused("train --data npy:nowhere --out x", "epochs", value);
  for (const auto& [flag, value] : {std::pair("momentum", "-0.1"),
                                    {"momentum", "1.01"},
                                    {"weight-decay", "-1e-9"},
                                    {"tau-period", "0"},
                                    {"lr", "-1"},
                                    {"label-smoothing", "1.0000001"},
                                    {"auto-eta", "1"},
                                    {"auto-eta", "2147483647"},
                                    {"image-size", "2147483647"}})
    expect_refused(
        "train --data npy:nowhere --out x --tau " + std::string(std::string(flag) == "auto-eta" ? "auto" : "1"), flag,
        value);
  expect_mistake("train --data npy:nowhere --out x --label-smoothing 1.0000001", "got 1.0000001");
  expect_mistake("predict --weights nowhere --input nowhere --output x --classes 1", "--classes must be 2 to");
  expect_mistake("weights import nowhere --model mlp --out x --size -5", "--size must be 1 to 4096, got -5");
  expect_mistake("train --data npy:nowhere --out x --seed -1", "--seed: must be 0 or more, got -1");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

TEST_F(NumberFlags, WholeNumbersAreDecimal) {
  const std::string run =
      "train --data synthetic:train=64,test=8,size=8,classes=4 --model mlp --epochs 1 --batch-size 32 ";
  EXPECT_EQ(json(run + "--seed 010 --out a")["seed"], 10);
  EXPECT_EQ(json(run + "--seed 0x10 --out b")["seed"], 16);
  EXPECT_EQ(json(run + "--seed 18446744073709551615 --out c")["seed"], 18446744073709551615u);
  EXPECT_EQ(json(run + "--weight-decay +1/2000 --seed +3 --out d")["seed"], 3);
}

TEST_F(NumberFlags, TheLastOfRepeatedFlagsCounts) {
  const std::string run = "train --data synthetic:train=64,test=8,size=8,classes=4 --model mlp --batch-size 32 ";
  EXPECT_EQ(
      json(run + "--epochs x --epochs -3 --epochs 1 --threads -1 --threads 2 --lr nan --lr 1/10 --out a")["epochs"], 1);
  for (const auto& [flags, says] : {std::pair("--epochs 1 --epochs x", "--epochs: 'x' is no whole number"),
                                    {"--epochs 1 --epochs 99999999999", "--epochs: '99999999999'"},
                                    {"--lr 0.1 --lr inf", "--lr: must be a finite number, got inf"},
                                    {"--limit 1 --limit -5", "--limit must be 0 or more, got -5"}}) {
    const Outcome o = kelvin(run + flags + " --out b");
    EXPECT_EQ(o.code, 2);
    EXPECT_THAT(o.err, AllOf(HasSubstr(says), ::testing::Not(HasSubstr("1,")))) << o.err;
  }
}

TEST_F(NumberFlags, ListedValuesAreKnownOnes) {
  for (const auto& [arguments, says] : {std::pair("train --device gpu --out x", "--device"),
                                        {"sweep --device 'cpu; touch pwned; true' --seeds 0 --dry-run", "--device"},
                                        {"weights import nowhere --model mlp --out x --stem resnet", "--stem"},
                                        {"weights import nowhere --model mlp --out x --channels 7", "--channels"},
                                        {"train --stem x --out x", "--stem"},
                                        {"attack nowhere --norm l1", "--norm"},
                                        {"train --data synthetic:size=8.5 --out x", "no whole number"}})
    expect_mistake(arguments, says);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "pwned"));
}

}  // namespace
}  // namespace kelvin
