// A folder of trials: each trial begins in an empty folder inside it, or in a copy of one that was prepared.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "tests/faults/run_state.h"
#include "tests/faults/trial.h"
#include "tests/support.h"

namespace kelvin::testing {

// Counts the file operations of all processes of a trial, and makes one of them fail (preload/file_operations.cpp).
class FileFault {
 public:
  explicit FileFault(const std::filesystem::path& counter, const std::string& fault = "");
  [[nodiscard]] Setting setting() const;
  [[nodiscard]] std::size_t operations() const;

 private:
  std::filesystem::path counter_;
  std::string fault_;
};

class FaultsTest : public ::testing::Test {
 protected:
  FaultsTest();
  void TearDown() override;  // prints the number of runs of the program
  // An empty folder of that name, or a copy of another one.
  std::filesystem::path fresh(const std::string& name, const std::optional<std::filesystem::path>& from = {}) const;
  // A run that must succeed.
  Ending done(const std::filesystem::path& folder, const std::string& arguments, const Setting& setting = {}) const;

  // No fault, and no fsync.
  Setting quick() const { return FileFault(folder_ / "quick").setting(); }

  static constexpr const char* kData =
      "--data synthetic:train=64,test=32,size=4,classes=3 --model mlp --batch-size 16 --lr 0.05 --threads 1 --quiet ";
  TemporaryFolder folder_;

 private:
  std::size_t trials_before_ = trials_started();
};

}  // namespace kelvin::testing
