// Any name that a folder can have survives config.toml, --resume and --config; and what --config reads is TOML within bounds.
#include <sys/stat.h>

#include <fstream>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;
using testing::read_text;

namespace fs = std::filesystem;

class ConfigNamesTest : public testing::CliTest {
 protected:
  void write_set(const fs::path& folder) const {
    fs::create_directories(folder);
    std::vector<std::uint8_t> pixels(8 * 4), labels;
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(31 * i);
    for (int i = 0; i < 8; ++i) labels.push_back(static_cast<std::uint8_t>(i % 2));
    for (const std::string half : {"train", "test"}) {
      write_npy(folder / (half + "_images.npy"), std::span<const std::uint8_t>(pixels), {8, 2, 2, 1});
      write_npy(folder / (half + "_labels.npy"), std::span<const std::uint8_t>(labels), {8});
    }
  }
  static std::string in_shell(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  }
  void write_config(const std::string& text) const { std::ofstream(folder_ / "c.toml", std::ios::binary) << text; }
};

TEST_F(ConfigNamesTest, EveryNameComesBack) {
  const std::vector<std::string> names = {"a#b",
                                          "two\nlines",
                                          "a\"b",
                                          "'a'",
                                          "a\\b",
                                          "a\\nb",
                                          "a\\x41b",
                                          " a",
                                          "a ",
                                          "a,b",
                                          "a=b",
                                          "[a,b]",
                                          "]",
                                          "{a}",
                                          "a\tb",
                                          "a\rb",
                                          "a\x01"
                                          "b",
                                          "a\x7f"
                                          "b",
                                          "caf\xc3\xa9",
                                          "\xe2\x80\xaex",
                                          "12",
                                          ";a",
                                          "$HOME `id`",
                                          "\"\"\"",
                                          "=\\",
                                          std::string(200, 'n')};
  const std::string train = "train --model mlp --batch-size 4 --quiet ";
  int i = 0;
  for (const std::string& name : names) {
    const std::string run = "run" + std::to_string(i++), again = run + "again";
    write_set(folder_ / name);
    const Outcome begun = kelvin(train + "--epochs 1 --out " + run + " --data " + in_shell("npy:" + name));
    ASSERT_EQ(begun.code, 0) << name << begun.err;
    const Outcome resumed = kelvin("train --resume --epochs 2 --quiet --out " + run);
    EXPECT_EQ(resumed.code, 0) << name << resumed.err;
    if (i % 4 != 0) continue;
    const Outcome read = kelvin("train --config " + run + "/config.toml --quiet --out " + again);
    EXPECT_EQ(read.code, 0) << name << read.err;
    EXPECT_EQ(read_text(folder_ / (run + "/config.toml")), read_text(folder_ / (again + "/config.toml"))) << name;
  }
}

// Data that is meant for one flag does not become another.
TEST_F(ConfigNamesTest, AValueStaysOneValue) {
  write_set(folder_ / "x\nepochs = 7\n");
  ASSERT_EQ(
      kelvin("train --model mlp --batch-size 4 --quiet --epochs 1 --out run --data " + in_shell("npy:x\nepochs = 7\n"))
          .code,
      0);
  EXPECT_THAT(kelvin("train --resume --out run").out, HasSubstr("finished already"));
}

TEST_F(ConfigNamesTest, ConfigsAreToml) {
  const std::string command = "train --config c.toml --json --quiet --out ";
  write_config(
      "# a comment\n[train]  # and another\n"
      "data = 'synthetic:train=64,test=16,size=4,classes=2'  # with commas\n"
      "model = \"m\\u006Cp\"\n\"epochs\" = 1\nbatch-size=16\nlr = 1e-2\nnesterov = true\n"
      "tau = 1/2\n");
  const Json json = Json::parse(kelvin(command + "a").out);
  EXPECT_EQ(json["model"], "mlp");
  EXPECT_EQ(json["tau"], 0.5);
  EXPECT_EQ(json["lr"], 0.01);
  write_config("train.model = 'mlp'\ntrain.epochs = 1\ntrain.data = \"synthetic:train=64,test=16,size=4,classes=2\"\n");
  EXPECT_EQ(Json::parse(kelvin(command + "b").out)["epochs"], 1);
  // Lists, over several lines; words without quotes as CLI11 takes them.
  for (const std::string taus : {"[\n  1,  # first\n  0.5\n]", "1, 0.5", "1 0.5", "\"1\", \"0.5\"", "'1,0.5'"}) {
    write_config("[quickstart]\ntaus = " + taus + "\nmodel = mlp\nepochs = 0\n");
    EXPECT_THAT(kelvin("quickstart --config c.toml").err, HasSubstr("--epochs must be 1 or more, got 0")) << taus;
  }
}

TEST_F(ConfigNamesTest, WhatIsNoTomlIsNamedWithItsLine) {
  const auto says = [&](const std::string& text, const std::string& what) {
    write_config("[train]\n" + text);
    expect_mistake("train --config c.toml --out x", "c.toml: line " + what);
  };
  says("data = \"open\n", "2: a string has no quote at its end");
  says("data = \"a\\qb\"\n", "2: '\\q' is no character; a backslash is \\\\");
  says("data = \"a\\u12\"\n", "2: ");
  says("data = \"a\\u0000\"\n", "2: ");
  says("data = \"a\" b\n", "2: something stands behind it: b");
  says("data = [1, 2\n", "3: a list");
  says("data = [[1], 2]\n", "2: lists and tables inside a list are not known");
  says("data = {a = 1}\n", "2: tables as values are not known");
  says("data = \"\"\"\na\"\"\"\n", "2: strings of several lines are not known");
  says("data =\n", "2: a value is missing");
  says("= 3\n", "2: a name is empty");
  says("[train\n", "2: a section's name has no ]");
  std::string deep = "[a";
  for (int i = 0; i < 20000; ++i) deep += ".a";
  says(deep + "]\nx = 1\n", "2: more than 8 sections inside one another");
  std::string long_name = "[train." + std::string(20'000, 'b') + "]\n", many;
  for (int i = 0; i < 5'001; ++i) many += "a\nb\n";  // each would copy the section's name
  says(long_name + many, "2: a name of more than 255 bytes");
  says(many, "10002: more than 10000 entries are no config");
  says("x = " + std::string(2 << 20, '['), "1: more than 1048576 bytes are no config");
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  expect_mistake("train --config fifo --out x", "fifo");
  expect_mistake("train --config /dev/zero --out x", "/dev/zero");
  expect_mistake("train --config . --out x", "--config");
}

}  // namespace
}  // namespace kelvin
