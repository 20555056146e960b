// Small helpers of the tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "kernels/device/error.h"

namespace kelvin::testing {

// A temporary folder for each test, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name =
        std::string("kelvin-") + info->test_suite_name() + "-" + info->name() + "-" + std::to_string(getpid());
    for (char& c : name)
      if (c == '/') c = '_';
    path_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A file's bytes; empty if there is no file.
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Outcome {
  int code = 0;
  std::string out, err;
};
// Runs a program in a folder, with two threads, and waits for it.
inline Outcome run_program(const std::filesystem::path& folder, const std::string& program,
                           const std::string& arguments) {
  const std::string command = "cd '" + folder.string() + "' && OMP_NUM_THREADS=2 '" + program + "' " + arguments +
                              " >stdout.txt 2>stderr.txt </dev/null";
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), read_text(folder / "stdout.txt"), read_text(folder / "stderr.txt")};
}

// The message of the mistake (exit code 2) that f throws, with the fields that it names written as flags ("--tau must be > 0"); fails the
// test if it throws nothing or something else. A mistake is one line.
template <class F>
std::string mistake_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::mistake) << e.what();
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.message().with("--");
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace kelvin::testing
