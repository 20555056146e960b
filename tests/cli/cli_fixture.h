// Runs kelvin in a temporary folder, for the tests of the command line.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/safetensors.h"
#include "tests/support.h"

namespace kelvin::testing {

using Json = nlohmann::json;

class CliTest : public ::testing::Test {
 protected:
  Outcome kelvin(const std::string& arguments) { return run_program(folder_.path(), KELVIN_PROGRAM, arguments); }
  Json json(const std::string& arguments) {
    const Outcome o = kelvin(arguments + " --json --quiet");
    EXPECT_EQ(o.code, 0) << o.err;
    return Json::parse(o.out);
  }
  // Exit code 2, one line on standard error, nothing on standard output.
  void expect_mistake(const std::string& arguments, const std::string& says) {
    const Outcome o = kelvin(arguments);
    EXPECT_EQ(o.code, 2) << arguments << "\n" << o.err;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    EXPECT_THAT(o.err, ::testing::HasSubstr(says));
    EXPECT_EQ(o.out, "");
  }
  void expect_same_tensors(const std::string& run, const std::string& other) {
    const SafetensorsFile a = read_safetensors(folder_ / (run + "/checkpoint.safetensors"));
    const SafetensorsFile b = read_safetensors(folder_ / (other + "/checkpoint.safetensors"));
    for (const auto& [name, tensor] : a.tensors)
      EXPECT_EQ(elements_of(tensor), elements_of(b.tensors.at(name))) << name;
  }
  static constexpr const char* kTrain =
      "train --data synthetic:train=256,test=100,size=8,classes=4 --model mlp --epochs 2 --batch-size 32 --lr 0.05 ";
  TemporaryFolder folder_;
};

}  // namespace kelvin::testing
