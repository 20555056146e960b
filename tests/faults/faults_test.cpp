#include "tests/faults/faults_test.h"

#include <iostream>

namespace kelvin::testing {

FileFault::FileFault(const std::filesystem::path& counter, const std::string& fault)
    : counter_(counter), fault_(fault) {
  const long zero = 0;
  std::ofstream(counter_, std::ios::binary).write(reinterpret_cast<const char*>(&zero), sizeof zero);
}

Setting FileFault::setting() const {
  Setting setting;
  setting.environment = {{"LD_PRELOAD", KELVIN_FILE_OPERATIONS}, {"KELVIN_FAULT_COUNTER", counter_.string()}};
  if (!fault_.empty()) setting.environment.emplace_back("KELVIN_FAULT", fault_);
  return setting;
}

std::size_t FileFault::operations() const {
  long count = 0;
  std::ifstream(counter_, std::ios::binary).read(reinterpret_cast<char*>(&count), sizeof count);
  return static_cast<std::size_t>(count);
}

FaultsTest::FaultsTest() { setenv("KELVIN_CACHE", (folder_ / "cache").c_str(), 1); }

void FaultsTest::TearDown() {
  std::cout << "             " << trials_started() - trials_before_ << " runs of the program\n";
}

std::filesystem::path FaultsTest::fresh(const std::string& name,
                                        const std::optional<std::filesystem::path>& from) const {
  const std::filesystem::path folder = folder_ / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  if (from) std::filesystem::copy(*from, folder, std::filesystem::copy_options::recursive);
  return folder;
}

Ending FaultsTest::done(const std::filesystem::path& folder, const std::string& arguments,
                        const Setting& setting) const {
  Ending ending = run_trial(folder, words(arguments), setting);
  EXPECT_EQ(ending.code, 0) << arguments << ": " << text_of(ending);
  return ending;
}

}  // namespace kelvin::testing
