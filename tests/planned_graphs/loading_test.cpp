// cuDNN where the dynamic loader knows its folder alone, as on a machine whose user has put just that on LD_LIBRARY_PATH: cuBLASLt and NVRTC, which
// it opens by name, are opened for it by the paths they are found at. Without that it ends the program at its first plan. The loader's cache is
// switched off for it, so the tests of what then happens run in a process of their own.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/attention/cudnn_attention.h"
#include "kernels/convolution/cudnn_convolution.h"
#include "kernels/libraries/nvidia_libraries.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;

constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";

// The work of the other process: one plan compiled ahead of time, one compiled at run time. It prints the result.
TEST(LoadingChild, DISABLED_OnePlanOfEachKind) {
  dlopen(KELVIN_STAND_IN_DRIVER, RTLD_NOW | RTLD_GLOBAL);
  const cudnn::Target target =
      cudnn::Target::described_by(testing::read_text(KELVIN_SOURCE_DIR "/tests/planned_graphs/h100.json"));
  const ConvProblem convolution{.dtype = DType::bf16, .x = {8, 16, 16, 64}, .w = {64, 3, 3, 64}, .pad = 1};
  const auto plans = cudnn::conv_plans(target, convolution, {}, 1);
  std::printf("convolution: %s\n", plans.empty()                   ? "no plan"
                                   : plans[0].compiled_at_run_time ? "compiled on the spot"
                                                                   : "compiled ahead");
  std::printf("missing: %s\n", missing_cudnn_parts().c_str());
  const cudnn::AttentionProblem attention{false, 8, 65, 3, 64, true};
  std::printf("attention: %s\n", cudnn::attention_plans(target, attention, {}, 1).empty()
                                     ? cudnn::why_no_plans(attention).c_str()
                                     : "a plan");
}

class Loading : public ::testing::Test {
 protected:
  using Outcome = testing::Outcome;
  void SetUp() override {
    if (!std::filesystem::exists(kLoader)) GTEST_SKIP() << "no " << kLoader;
    try {
      cudnn_ = nvidia_libraries().cudnn.folder();
    } catch (const Error& e) {
      GTEST_SKIP() << e.what();  // no cuDNN library on this machine
    }
  }
  // Runs the test above where the loader finds cuDNN's libraries alone, and of these not those whose names contain `without`.
  Outcome run(const std::string& without = "nothing") {
    for (const auto& file : std::filesystem::directory_iterator(cudnn_)) {
      const std::string name = file.path().filename().string();
      if (name.starts_with("libcudnn") && name.find(without) == std::string::npos)
        std::filesystem::create_symlink(file.path(), folder_ / name);
    }
    setenv("LD_LIBRARY_PATH", folder_.path().c_str(), 1);
    const Outcome o = testing::run_program(
        folder_.path(), kLoader,
        "--inhibit-cache " + std::filesystem::read_symlink("/proc/self/exe").string() +
            " --gtest_also_run_disabled_tests --gtest_filter=LoadingChild.DISABLED_OnePlanOfEachKind");
    unsetenv("LD_LIBRARY_PATH");
    return o;
  }
  testing::TemporaryFolder folder_;
  std::string cudnn_;
};

TEST_F(Loading, NeedsCudnnsFolderAlone) {
  const Outcome o = run();
  ASSERT_EQ(o.code, 0) << o.out << o.err;
  EXPECT_THAT(o.out, HasSubstr("convolution: compiled ahead\nmissing: \nattention: a plan\n"));
}

TEST_F(Loading, NamesThePartThatIsMissing) {
  const Outcome o = run("engines_precompiled");
  ASSERT_EQ(o.code, 0) << o.out << o.err;
  EXPECT_THAT(
      o.out,
      HasSubstr("convolution: compiled on the spot\nmissing: libcudnn_engines_precompiled.so.9 cannot be loaded"));
}

}  // namespace
}  // namespace kelvin
