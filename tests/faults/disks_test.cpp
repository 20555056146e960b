// Disks that fill up or fail. A command that could not write ends with exit code 2 and one line, or did not need to write; what was there
// before is as it was; when there is space again, resuming gives the same result as an undisturbed run.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include "tests/faults/faults_test.h"

namespace kelvin {
namespace {

using namespace testing;
using Path = std::filesystem::path;

struct Command {
  std::string begin, go_on;
  Path needs = {};
  std::optional<Path> prepared = {};
  std::vector<int> codes = {0, 2};
};

class Disks : public FaultsTest {
 protected:
  void expect_recovery(const Command& command, const Path& folder, const Ending& ending,
                       const std::map<std::string, std::string>& undisturbed, const std::string& when) {
    expect_contract(ending, command.codes, when);
    expect_nothing_torn(folder, when);
    if (ending.code == 0) return expect_same_state(undisturbed, state_of(folder), when);
    const bool can_resume = !command.needs.empty() && std::filesystem::exists(folder / command.needs);
    const Ending again = run_trial(folder, words(can_resume ? command.go_on : command.begin), quick());
    if (again.code != 0) ADD_FAILURE() << when << ", then " << text_of(again);
    expect_same_state(undisturbed, state_of(folder), when);
  }

  // From each operation on the disk is full, and each operation alone fails (at most `few` of them in the short form).
  void fail_everywhere(const Command& command, std::size_t few) {
    const Path whole = fresh("whole", command.prepared);
    const FileFault count(folder_ / "counter");
    done(whole, command.begin, count.setting());
    const auto undisturbed = state_of(whole);
    const std::size_t operations = count.operations();
    ASSERT_GT(operations, 2u);
    for (const char* kind : {"full:", "error:"})
      for (const std::size_t n : chosen(operations, few)) {
        const std::string fault = kind + std::to_string(n);
        const Path folder = fresh("trial", command.prepared);
        const Ending ending = run_trial(folder, words(command.begin), FileFault(folder_ / "counter", fault).setting());
        expect_recovery(command, folder, ending, undisturbed, command.begin + "\n  with " + fault);
        if (HasFailure() && !is_long()) return;
      }
  }

  const std::string train_ = std::string("train ") + kData + "--epochs 3 --log-every 2 --validation 8 --out run ";
  const std::string resume_ = "train --resume --out run --threads 1 --quiet";
};

TEST_F(Disks, Train) { fail_everywhere({train_, resume_, "run/checkpoint.safetensors"}, 20); }

TEST_F(Disks, Resume) {
  const Path half = fresh("half");
  done(half, train_);
  const std::string longer = resume_ + " --epochs 5";
  fail_everywhere({longer, longer, "run/checkpoint.safetensors", half}, 10);
}

TEST_F(Disks, ChoosingATemperature) {
  fail_everywhere(
      {std::string("train ") + kData + "--epochs 2 --tau auto --auto-taus 1,50 --auto-lr 0.05 --auto-eta 2 --out run",
       resume_, "run/checkpoint.safetensors"},
      10);
}

TEST_F(Disks, Quickstart) {
  const std::string command = std::string("quickstart ") + kData + "--epochs 1 --taus 1,50 --attack-limit 8 --out run";
  fail_everywhere({command, command}, 5);
}

TEST_F(Disks, Sweep) {  // cells that failed are exit code 1
  const std::string command =
      std::string("sweep ") + kData + "--epochs 1 --grid tau=1,50 --attack-limit 8 --measure clean,pgd --out run";
  fail_everywhere({command, command, {}, {}, {0, 1, 2}}, 2);
}

class DisksOfARun : public Disks {
 protected:
  DisksOfARun() {
    run_ = fresh("run");
    done(run_, train_);
    done(run_, "attack run --steps 2 --limit 8 --save-adversarial images.npy --quiet");
    done(run_, "evaluate run --limit 8 --quiet");
    done(run_, "report run --out r.html --quiet");
    done(run_, "predict --weights run/checkpoint.safetensors --input images.npy --output z.npy --quiet");
  }
  // The same file is written again, or stays as it was.
  void fail_everywhere(const std::string& command) { Disks::fail_everywhere({command, command, {}, run_}, 5); }
  Path run_;
};

TEST_F(DisksOfARun, Predict) {
  fail_everywhere(
      "predict --weights run/checkpoint.safetensors --input images.npy --output z.npy --features f.npy --quiet");
}
TEST_F(DisksOfARun, Attack) { fail_everywhere("attack run --steps 2 --limit 8 --save-adversarial images.npy --quiet"); }
TEST_F(DisksOfARun, Evaluate) { fail_everywhere("evaluate run --limit 8 --quiet"); }
TEST_F(DisksOfARun, Corrupt) {
  fail_everywhere("corrupt run --limit 4 --corruptions contrast --severity 2 --save corrupted --quiet");
}
TEST_F(DisksOfARun, Report) { fail_everywhere("report run --out r.html"); }
TEST_F(DisksOfARun, Export) { fail_everywhere("weights export run --out w.safetensors --quiet"); }

// No file may grow beyond a size; the signal that would say so is ignored, as programs do that expect the error.
TEST_F(Disks, FilesThatMayNotGrow) {
  const Command command = {train_, resume_, "run/checkpoint.safetensors"};
  const Path whole = fresh("whole");
  done(whole, train_, quick());
  const auto undisturbed = state_of(whole);
  const std::size_t largest = std::filesystem::file_size(whole / "run/checkpoint.safetensors");
  for (const std::size_t step : chosen(64, 6)) {
    const Path folder = fresh("trial");
    Setting setting = quick();
    setting.limits.file_size = step < 16 ? 64 + 64 * step : largest * step / 62;
    const Ending ending = run_trial(folder, words(train_), setting);
    expect_recovery(command, folder, ending, undisturbed,
                    "files of at most " + std::to_string(setting.limits.file_size) + " bytes");
  }
}

// A file system of memory of several sizes; needs the right to mount one.
TEST_F(Disks, SmallFileSystems) {
  const Path disk = fresh("disk");
  const auto mounted = [&](std::size_t bytes, unsigned long flags) {
    return mount("tmpfs", disk.c_str(), "tmpfs", flags, ("size=" + std::to_string(bytes)).c_str()) == 0;
  };
  if (!mounted(1 << 20, 0)) GTEST_SKIP() << "no right to mount a file system";
  umount(disk.c_str());
  const Command command = {train_, resume_, "run/checkpoint.safetensors"};
  const Path whole = fresh("whole");
  done(whole, train_);
  const auto undisturbed = state_of(whole);
  for (const std::size_t step : chosen(120, 8)) {
    const std::size_t pages = 2 + 4 * step;  // up to 2 MB; the run needs about 1.4
    if (!mounted(pages * 4096, 0)) {
      ADD_FAILURE() << "mount: " << pages << " pages";
      return;
    }
    const Ending ending = run_trial(disk, words(train_));
    const std::string when = "a disk of " + std::to_string(pages * 4) + " KiB";
    EXPECT_TRUE(mounted(64 << 20, MS_REMOUNT)) << when;
    expect_recovery(command, disk, ending, undisturbed, when);
    umount2(disk.c_str(), MNT_DETACH);
  }
}

}  // namespace
}  // namespace kelvin
