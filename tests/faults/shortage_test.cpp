// Lack of memory and threads: limits on the address space and on processes in small steps, and an allocator that fails. Each trial succeeds, or
// ends with exit code 4 and one line. Before the program begins the dynamic loader may fail with its own message (127).
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "tests/faults/faults_test.h"

namespace kelvin::testing {
namespace {

// A short training, and what evaluates and attacks a run of it; a convolutional network with threads and loader threads.
constexpr const char* kTrain =
    "train --data synthetic:train=64,test=32,size=8,classes=3 --model resnet8 --epochs 1 --batch-size 16 --threads 3 "
    "--loader-workers 2 --quiet --out run";
constexpr std::array<const char*, 3> kCommands = {kTrain, "evaluate run --threads 3 --quiet",
                                                  "attack run --steps 2 --limit 8 --threads 3 --quiet"};

class Shortage : public FaultsTest {
 protected:
  Shortage() { done(fresh("begun"), kTrain); }

  // One trial in a copy of the run, except a training's own.
  Ending trial(const std::string& command, const Setting& setting) const {
    const bool trains = command == kTrain;
    const std::filesystem::path folder = trains ? fresh("trial") : fresh("trial", folder_ / "begun");
    if (const unsigned user = setting.limits.user; user != 0) give(folder, user);
    return run_trial(folder, words(command), setting);
  }
  static void give(const std::filesystem::path& folder, unsigned user) {
    EXPECT_EQ(chown(folder.c_str(), user, user), 0);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      EXPECT_EQ(chown(entry.path().c_str(), user, user), 0);
  }
  // libgomp begins its line with an empty one.
  static std::ptrdiff_t count_lines(const std::string& text) {
    return std::ranges::count(text, '\n') - (text.starts_with('\n') ? 1 : 0);
  }
  // 0, or 4 and one line; 127 only where the dynamic loader says so.
  static void expect_done_or_short(const Ending& e, const std::string& what) {
    if (e.code == 127 && e.err.find("error while loading shared libraries") != std::string::npos) return;
    expect_contract(e, {0, 4}, what);
    const auto lines = count_lines(e.err);
    EXPECT_TRUE(e.code == 4 ? lines == 1 : lines <= 1) << what << ": " << text_of(e);
  }
  static Setting limited(std::uint64_t address_space) {
    Setting setting;
    setting.limits.address_space = address_space;
    return setting;
  }
};

TEST_F(Shortage, OfAddressSpace) {
  // Below this the dynamic loader itself fails before the program starts. Includes a margin for its random addresses.
  std::uint64_t loaded = std::uint64_t{1} << 20;
  while (trial("--version", limited(loaded)).code != 0) loaded += std::uint64_t{4} << 20;
  loaded += std::uint64_t{16} << 20;
  for (const std::string command : kCommands) {
    std::uint64_t least = 0, enough = std::uint64_t{8} << 30;  // found to a megabyte
    ASSERT_EQ(trial(command, limited(enough)).code, 0);
    while (enough - least > std::uint64_t{1} << 20)
      (trial(command, limited((least + enough) / 2)).code == 0 ? enough : least) = (least + enough) / 2;
    const std::uint64_t from = std::min(loaded, enough / 2),
                        step = (enough + enough / 16 - from) / (is_long() ? 300 : 10);
    int ended = 0;
    for (std::uint64_t limit = from; limit < enough + enough / 16; limit += step) {
      const Ending e = trial(command, limited(limit));
      expect_done_or_short(e, command + ", " + std::to_string(limit) + " bytes of address space");
      ended += e.code == 4 ? 1 : 0;
    }
    EXPECT_GT(ended, 0) << command;
  }
}

// The message says what would have been enough.
TEST_F(Shortage, OfMemoryForAStep) {
  const Ending e =
      run_trial(fresh("trial"),
                words("train --data synthetic:train=2048,test=32,size=32,classes=3 --model resnet8 --epochs 1 "
                      "--batch-size 2048 --threads 2 --quiet --out run"),
                limited(std::uint64_t{1} << 30));
  expect_done_or_short(e, "a large step");
  EXPECT_EQ(e.code, 4);
  EXPECT_NE(e.err.find("try a smaller --batch-size: a step of 2048 images of resnet8 takes about "), std::string::npos)
      << e.err;
}

TEST_F(Shortage, OfProcesses) {
  constexpr unsigned kNobody = 65534;
  Setting setting;
  setting.limits.user = kNobody;
  chmod(folder_.path().c_str(), 0755);
  setenv("KELVIN_CACHE", "cache", 1);
  if (geteuid() != 0 || trial(kTrain, setting).code != 0)
    GTEST_SKIP() << "needs root, and a program that others can run";
  const std::string sweep =
      "sweep --data synthetic:train=64,test=32,size=4,classes=3 --model mlp --epochs 1 --batch-size 16 --grid tau=1,2 "
      "--measure clean --jobs 2 --threads 2 --quiet --out sweep";
  for (const std::string& command :
       {std::string(kTrain), std::string(kCommands[1]), std::string(kCommands[2]), sweep}) {
    int ended = 0;
    // Threads count as processes, and so do the threads of other programs of the user nobody.
    for (std::uint64_t processes = 1; processes < (is_long() ? 40 : 7); ++processes) {
      setting.limits.processes = processes;
      const Ending e = trial(command, setting);
      expect_done_or_short(e, command + ", " + std::to_string(processes) + " processes");
      ended += e.code == 4 ? 1 : 0;
    }
    EXPECT_GT(ended, 0) << command;
  }
}

TEST_F(Shortage, OfWhatNobodyHas) {
  for (const std::string command : {"evaluate run --threads 100000", "train --out new --loader-workers 100000",
                                    "train --out new --threads 1025", "sweep --grid tau=1 --out new --jobs 100000"}) {
    const Ending e = trial(command, {});
    expect_contract(e, {2}, command);
    EXPECT_NE(e.err.find("1024"), std::string::npos) << e.err;
  }
  Setting setting;
  setting.environment = {{"OMP_NUM_THREADS", "100000"}};
  const Ending e = trial("evaluate run", setting);
  expect_contract(e, {2}, "OMP_NUM_THREADS");
  EXPECT_NE(e.err.find("100000 threads (--threads, or OMP_NUM_THREADS)"), std::string::npos) << e.err;
  setting.environment = {{"OMP_STACKSIZE", "100000G"}};  // libgomp's own end
  const Ending stacks = trial("evaluate run --threads 3", setting);
  EXPECT_EQ(stacks.code, 4) << text_of(stacks);
  EXPECT_EQ(count_lines(stacks.err), 1) << text_of(stacks);
}

class FailingAllocator : public Shortage {
 protected:
  // A trial with that fault; how many calls there were.
  std::size_t failing(const std::string& command, const std::string& text) const {
    const FileFault fault(folder_ / "count", text);
    Setting setting = fault.setting();
    setting.environment.emplace_back("LD_PRELOAD", KELVIN_ALLOCATIONS);
    setting.environment.emplace_back("GOMP_SPINCOUNT", "1000");  // otherwise the program starts itself once more
    const Ending e = trial(command, setting);
    expect_done_or_short(e, command + ", " + text);
    return e.code == 0 ? fault.operations() : 0;
  }
};

// Every 200th call by itself: what follows it goes on as if nothing had been.
TEST_F(FailingAllocator, OneCallOfEach200) {
  for (const std::string command : kCommands) {
    const std::size_t calls = failing(command, "none");
    ASSERT_GT(calls, 10'000u);
    for (const std::size_t i : chosen(calls / 200, 12)) failing(command, "alloc:" + std::to_string(200 * i + 199));
  }
}

// Calls 200 apart, from each of the first 200 on: none gets far.
TEST_F(FailingAllocator, Every200thCall) {
  for (const std::string command : kCommands)
    for (const std::size_t offset : chosen(200, 4)) failing(command, "alloc:" + std::to_string(offset) + "+200");
}

}  // namespace
}  // namespace kelvin::testing
