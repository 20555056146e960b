// The program on machines that are not as they should be: a GPU that cannot be used, libraries that are missing, memory that is not enough.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support.h"

namespace kelvin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

#define DATA "--data synthetic:train=48,test=16,size=8,channels=3,classes=4 "

class OtherMachines : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"KELVIN_EMULATION_FAILS", "KELVIN_EMULATION_MISSING", "KELVIN_EMULATION_MEMORY"})
      unsetenv(name);
  }
  Outcome run(const std::string& arguments) {
    std::filesystem::remove_all(folder_ / "run");
    return run_program(folder_.path(), KELVIN_EMULATED_PROGRAM, arguments + " --quiet --json");
  }
  Outcome train(const std::string& device) {
    return run("train " DATA "--model mlp --epochs 1 --batch-size 16 --out run --device " + device);
  }
  static std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  // Exit code and one line with --device cuda; with --device auto the CPU, with that reason in a note, in train.json too.
  void expect_refusal(int code, const std::string& reason) {
    const Outcome asked = train("cuda"), automatic = train("auto");
    EXPECT_EQ(asked.code, code) << asked.err;
    EXPECT_EQ(asked.err, "kelvin: --device cuda: " + reason + "; use --device cpu\n");
    ASSERT_EQ(automatic.code, 0) << automatic.err;
    const std::string note = "--device auto takes the CPU: " + reason;
    EXPECT_EQ(automatic.err, "kelvin: note: " + note + "\n");
    const Json kept = Json::parse(read_text(folder_ / "run/results/train.json"));
    EXPECT_EQ(kept.at("device"), "cpu");
    EXPECT_EQ(kept.at("device_notes"), Json::array({note}));
  }
  TemporaryFolder folder_;
};

TEST_F(OtherMachines, TrainingNamesItsDevice) {
  const Outcome o = train("auto");
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_EQ(Json::parse(o.out).at("device"), "cuda");
  EXPECT_EQ(Json::parse(o.out).at("device_name"), "Emulated GPU");
  EXPECT_FALSE(Json::parse(o.out).contains("device_notes"));
}

// Three errors mean that there is no code for this GPU; others mean something else and say what.
TEST_F(OtherMachines, AGpuThatCannotBeUsedSaysWhy) {
  const std::string gpu = "Emulated GPU (compute capability 9.0)";
  for (const char* error : {"98", "209", "222"}) {
    setenv("KELVIN_EMULATION_FAILS", (std::string("cudaFuncGetAttributes=") + error).c_str(), 1);
    EXPECT_THAT(train("cuda").err, HasSubstr("this build has no kernels for " + gpu)) << error;
  }
  expect_refusal(2, "this build has no kernels for " + gpu + "; build it with -DKELVIN_CUDA_ARCHITECTURES=90");
  setenv("KELVIN_EMULATION_FAILS", "cudaFuncGetAttributes=2", 1);
  expect_refusal(4, gpu + " has no memory left for this program: nvidia-smi shows which processes use it");
  setenv("KELVIN_EMULATION_FAILS", "cudaFuncGetAttributes=46", 1);
  expect_refusal(2, gpu + " cannot be used: cudaErrorDevicesUnavailable: as the emulated device has it");
  setenv("KELVIN_EMULATION_FAILS", "cudaGetDeviceCount=100", 1);
  expect_refusal(2, "no NVIDIA GPU (cudaErrorNoDevice)");
}

TEST_F(OtherMachines, AMissingLibraryIsNamed) {
  const std::string advice = "install it or add its folder to LD_LIBRARY_PATH";
  setenv("KELVIN_EMULATION_MISSING", "cuBLASLt", 1);
  expect_refusal(2, "cuBLASLt 13, which cuDNN in emulated needs, cannot be loaded (no libcublasLt.so.13): " + advice);
  setenv("KELVIN_EMULATION_MISSING", "cuDNN 9", 1);
  expect_refusal(2, "cuDNN 9 cannot be loaded (no libcudnn.so.9): " + advice);
}

// Parts that cuDNN opens when it needs them: what is slower without them says so once, in the result too.
TEST_F(OtherMachines, AMissingPartOfCudnnIsNoted) {
  setenv("KELVIN_EMULATION_MISSING", "precompiled", 1);
  const Outcome o = run("train " DATA "--model resnet8 --epochs 1 --batch-size 16 --out run --device cuda");
  ASSERT_EQ(o.code, 0) << o.err;
  const std::string note =
      "convolutions are slower than they could be: libcudnn_engines_precompiled.so.9 cannot be loaded";
  EXPECT_THAT(lines_of(o.err), ElementsAre(StartsWith("kelvin: note: " + note)));
  EXPECT_THAT(Json::parse(o.out).at("device_notes").get<std::vector<std::string>>(), ElementsAre(StartsWith(note)));
  setenv("KELVIN_EMULATION_MISSING", "NVRTC", 1);
  const Outcome b =
      run("bench --cases infer-vit_tiny_patch4 --size 8 --batch 2 --seconds 0.01 --precision bf16 --device cuda");
  ASSERT_EQ(b.code, 0) << b.err;
  EXPECT_THAT(
      b.err,
      HasSubstr(
          "bfloat16 attention goes forward by the plain kernels, without tensor cores: NVRTC 13 cannot be loaded"));
  EXPECT_THAT(Json::parse(b.out).at("device_notes").dump(), HasSubstr("NVRTC 13 cannot be loaded"));
}

// Less and less memory: everything, or exit code 4 and one line that says so (notes of what stepped back may come before it).
class LittleMemory : public OtherMachines {
 protected:
  void SetUp() override { setenv("KELVIN_EMULATION_POOL", "cached", 1); }
  void TearDown() override {
    unsetenv("KELVIN_EMULATION_POOL");
    OtherMachines::TearDown();
  }
  // The exit code with so many KiB.
  int code_of(const std::string& arguments, std::int64_t kib) {
    setenv("KELVIN_EMULATION_MEMORY", std::to_string(kib * 1024).c_str(), 1);
    const Outcome o = run(arguments + " --device cuda");
    std::vector<std::string> said = lines_of(o.err);
    if (o.code == 4) {
      EXPECT_FALSE(said.empty());
      if (said.empty()) return o.code;
      EXPECT_THAT(said.back(), ::testing::AnyOf(StartsWith("kelvin: out of memory on the GPU"),
                                                HasSubstr("has no memory left for this program")))
          << kib << " KiB";
      said.pop_back();
    } else {
      EXPECT_EQ(o.code, 0) << kib << " KiB: " << o.err;
    }
    for (const std::string& line : said) EXPECT_THAT(line, StartsWith("kelvin: note: ")) << kib << " KiB";
    return o.code;
  }
  // From too little to enough, so many caps in all, evenly spaced in the exponent. KELVIN_MEMORY_CAPS=200 takes more of them.
  void expect_all_or_nothing(const std::string& arguments, std::int64_t first, std::int64_t last, int usual) {
    const char* const asked = std::getenv("KELVIN_MEMORY_CAPS");
    const int caps = asked != nullptr ? std::atoi(asked) : usual;
    int failed = 0, finished = 0;
    for (int i = 0; i < caps; ++i) {
      const double share = i / static_cast<double>(caps - 1);
      const auto kib = static_cast<std::int64_t>(
          static_cast<double>(first) * std::pow(static_cast<double>(last) / static_cast<double>(first), share));
      ++(code_of(arguments, kib) == 0 ? finished : failed);
    }
    EXPECT_GT(failed, 0);
    EXPECT_GT(finished, 0);
  }
};

TEST_F(LittleMemory, ATrainingEndsOrSaysThatThereIsTooLittle) {
  expect_all_or_nothing("train " DATA
                        "--model resnet8 --epochs 2 --batch-size 16 --adversarial pgd --adversarial-steps 3 --awp 0.01 "
                        "--awp-warmup 1 --out run",
                        256, 64 << 10, 8);
}

TEST_F(LittleMemory, AnAttackEndsOrSaysThatThereIsTooLittle) {
  unsetenv("KELVIN_EMULATION_MEMORY");
  ASSERT_EQ(run("train " DATA "--model resnet8 --epochs 1 --batch-size 16 --out trained --device cpu").code, 0);
  expect_all_or_nothing("attack trained --attack pgd --steps 4", 256, 64 << 10, 8);
}

}  // namespace
}  // namespace kelvin::testing
