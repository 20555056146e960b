// The repository follows its rules, and the check reports each rule that is broken on purpose.
#include "tests/structure/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace kelvin {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// A small temporary repository, removed at the end of the test.
class PlantedTree : public testing::Test {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = fs::temp_directory_path() / ("kelvin_structure_" + test + "_" + std::to_string(getpid()));
    fs::remove_all(root_);
    plant("README.md", "");
    for (const char* folder : {"kernels", "kernels/layers", "engine", "apps"})
      plant(fs::path(folder) / "README.md", "");
    plant("kernels/layers/relu.h", "#pragma once\n#include <vector>\n");
    plant("engine/tensor.h", "#pragma once\n#include \"kernels/layers/relu.h\"\n");
    plant("apps/main.cpp", "#include \"engine/tensor.h\"\n#include \"kernels/layers/relu.h\"\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void plant(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  [[nodiscard]] std::vector<std::string> violations() const { return architecture_violations(root_); }

  fs::path root_;
};

TEST(Architecture, RepositoryKeepsTheHouseRules) { EXPECT_THAT(architecture_violations(KELVIN_SOURCE_DIR), IsEmpty()); }

TEST(Architecture, FoldersHaveAnOrder) {
  const std::string map = architecture_map();
  std::printf("%s", map.c_str());
  EXPECT_THAT(map, testing::HasSubstr("kernels/losses -> device simt\n"));
}

TEST_F(PlantedTree, CleanTreeIsClean) { EXPECT_THAT(violations(), IsEmpty()); }

TEST_F(PlantedTree, ReportsUpwardIncludes) {
  plant("kernels/bad.cpp", "\n#include \"engine/tensor.h\"\n");
  plant("engine/bad.cpp", "#include <apps/main.h>\n");
  EXPECT_THAT(violations(), ElementsAre("engine/bad.cpp:1: includes apps/main.h: the arrow points the other way",
                                        "kernels/bad.cpp:2: includes engine/tensor.h: the arrow points the other way"));
}

TEST_F(PlantedTree, ReportsFoldersThatIncludeEachOther) {
  for (const char* folder : {"kernels/device", "kernels/losses", "kernels/mine", "apps/run", "apps/report"})
    plant(fs::path(folder) / "README.md", "");
  plant("kernels/losses/good.cpp", "#include \"kernels/device/view.h\"\n");
  plant("kernels/device/bad.cpp", "#include \"kernels/losses/mart_loss.h\"\n");
  plant("apps/run/bad.cpp", "#include \"apps/report/report.h\"\n");
  plant("kernels/mine/bad.cpp", "");
  EXPECT_THAT(
      violations(),
      ElementsAre("apps/run/bad.cpp:1: includes apps/report/report.h: the arrow points the other way",
                  "kernels/device/bad.cpp:1: includes kernels/losses/mart_loss.h: the arrow points the other way",
                  "kernels/mine/bad.cpp: lies in kernels/mine, which has no place in the order of folders"));
}

TEST_F(PlantedTree, ReportsModelsAndDataIncludingEachOther) {
  plant("models/README.md", "");
  plant("data/README.md", "");
  plant("models/bad.cpp", "#include \"data/dataset.h\"\n");
  plant("data/bad.cpp", "#include \"models/model.h\"\n");
  EXPECT_THAT(violations(), ElementsAre("data/bad.cpp:1: includes models/model.h: the arrow points the other way",
                                        "models/bad.cpp:1: includes data/dataset.h: the arrow points the other way"));
}

TEST_F(PlantedTree, ReportsDeviceLibrariesOutsideKernels) {
  plant("kernels/fine.cpp", "#include <cuda_runtime.h>\n#include <oneapi/dnnl/dnnl.hpp>\n");
  for (const std::string header :
       {"cuda_runtime.h", "cudnn_frontend.h", "cublasLt.h", "nccl.h", "oneapi/dnnl/dnnl.hpp"}) {
    plant("engine/bad.cpp", "  #  include <" + header + ">\n");
    EXPECT_THAT(violations(),
                ElementsAre("engine/bad.cpp:1: includes " + header + ": device libraries stay inside kernels/"));
  }
}

TEST_F(PlantedTree, ReportsNcclAndMpiOutsideTheirWrappers) {
  for (const std::string header : {"mpi.h", "nccl.h"}) {
    plant("kernels/losses/bad.cpp", "#include <" + header + ">\n");
    EXPECT_THAT(violations(), ::testing::Contains("kernels/losses/bad.cpp:1: includes " + header +
                                                  ": one wrapper in kernels/ does that"));
  }
}

TEST_F(PlantedTree, ReportsPathsThatDoNotStartAtTheRoot) {
  plant("engine/bad.cpp", "#include \"tensor.h\"\n");
  EXPECT_THAT(violations(),
              ElementsAre("engine/bad.cpp:1: includes \"tensor.h\": paths start at the repository root, other "
                          "people's headers take <>"));
}

TEST_F(PlantedTree, ReportsConditionalCompilation) {
  plant("kernels/device/README.md", "");
  for (const char* folder : {"kernels/libraries", "kernels/libraries/onednn"})
    plant(fs::path(folder) / "README.md", "");
  plant("kernels/device/device.h", "#pragma once\n#if KELVIN_CUDA\n#endif\n");
  plant("kernels/libraries/onednn/onednn.h", "#pragma once\n#if DNNL_VERSION_MAJOR >= 3\n#endif\n");
  plant("engine/bad.cpp", "int x;\n#ifdef DEBUG\n#endif\n");
  plant("kernels/bad.cpp", "  # if 1\n#endif\n");
  EXPECT_THAT(violations(), ElementsAre("engine/bad.cpp:2: has an #if", "kernels/bad.cpp:1: has an #if"));
}

TEST_F(PlantedTree, ReportsShellsAndOtherWaysToStartPrograms) {
  const std::string what = "starts a program or a shell: ChildProcess of engine/child_process.h takes arguments";
  for (const std::string line :
       {"popen(text, \"r\");", "std::system(text);", "execl(path, path, nullptr);", "execvp (argv[0], argv);",
        "fork();", "posix_spawn(&id, path);", "run({\"sh\", \"-c\", text});", "run({\"/bin/bash\", text});"}) {
    plant("apps/bad.cpp", "int x;\n" + std::string(line) + "\n");
    EXPECT_THAT(violations(), ElementsAre("apps/bad.cpp:2: " + what)) << line;
  }
  plant("apps/bad.cpp", "// the file system (local)\nsystem_clock(1); subsystem(2); expect(\"shell\");\n");
  plant("engine/child_process.cpp", "fork();\n");
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(PlantedTree, ReportsFilesThatAreOpenedPastTheReader) {
  const std::string what = "opens a file: engine/input_file.h reads one, engine/atomic_file.h writes one";
  for (const std::string line :
       {"std::ifstream in(path);", "std::ofstream(path) << 1;", "#include <fstream>", "fopen(path, \"r\");",
        "const int file = open(path, O_RDONLY);", "openat(folder, name, O_RDWR | O_CREAT, 0666);"}) {
    plant("apps/bad.cpp", "int x;\n" + std::string(line) + "\n");
    EXPECT_THAT(violations(), ElementsAre("apps/bad.cpp:2: " + what)) << line;
  }
  plant("apps/bad.cpp",
        "const Cuda* open(int);  // open(path, O_RDONLY)\nreopen(1); device.open(); InputFile file(path);\n");
  plant("engine/input_file.cpp", "open(path, O_RDONLY);\n");
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(PlantedTree, ReportsFlagsThatLibrariesName) {
  plant("engine/bad.cpp", "int x;\nthrow mistake(\"try a smaller --batch-size\");\n");
  EXPECT_THAT(violations(),
              ElementsAre("engine/bad.cpp:2: names a flag: a library names the field, as in \"batch-size\"_field"));
  plant("engine/bad.cpp", "throw mistake(\"try a smaller \", \"batch-size\"_field);  // apps/cli: \"--batch-size\"\n");
  plant("apps/cli/README.md", "");
  plant("apps/cli/good.cpp", "add(\"--batch-size\");\n");
  plant("engine/download.cpp", "run({\"curl\", \"--fail\"});\n");
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(PlantedTree, ReportsTestsThatNeedCudaToLink) {
  plant("tests/README.md", "");
  plant("tests/ops/bad_test.cpp", "f(*cuda, 1);\ng(*gpu_.cuda);\n");
  plant("tests/ops/good_cuda_test.cpp", "f(*cuda_, 1);\n");
  plant("tests/cuda_emulation/good_test.cpp", "f(*cuda, 1);\n");
  const std::string what = "calls what builds without CUDA do not have: on(device, f), or a file *_cuda_test.cpp";
  EXPECT_THAT(violations(), ElementsAre("tests/ops/bad_test.cpp:1: " + what, "tests/ops/bad_test.cpp:2: " + what));
}

TEST_F(PlantedTree, ReportsHeadersWithoutPragmaOnce) {
  plant("engine/bad.h", "int x;\n");
  EXPECT_THAT(violations(), ElementsAre("engine/bad.h:1: has no #pragma once"));
}

TEST_F(PlantedTree, ReportsLongFiles) {
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "//\n";
  plant("engine/fits.cpp", lines);
  plant("engine/long.cpp", lines + "//\n");
  plant("apps/long.js", lines + "//\n");
  plant("tests/README.md", "");
  plant("tests/engine/fits_test.cpp", lines + "//\n");
  EXPECT_THAT(violations(), ElementsAre("apps/long.js:301: is longer than 300 lines",
                                        "engine/long.cpp:301: is longer than 300 lines"));
}

TEST_F(PlantedTree, ReportsFoldersWithoutReadme) {
  fs::remove(root_ / "README.md");
  plant("apps/report/report.cpp", "");
  plant("tests/README.md", "");
  plant("tests/apps/report_test.cpp", "");  // tests/README.md speaks for it
  plant("tools/bench/compare.py", "");
  EXPECT_THAT(violations(), ElementsAre(".: has no README.md", "apps/report: has no README.md",
                                        "tools/bench: has no README.md", "tools: has no README.md"));
}

TEST_F(PlantedTree, AnEmptyFolderIsNoAnswer) {
  EXPECT_THROW((void)architecture_violations(root_ / "nowhere"), std::runtime_error);
}

}  // namespace
}  // namespace kelvin
