// SIGKILL before, and in the middle of, each operation on files that a command does, and at random moments of the computation between
// them. Afterwards no file is torn, and resuming gives the same files as an undisturbed run: nothing is lost, changed or left over.
#include <gmock/gmock.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/faults/faults_test.h"

namespace kelvin {
namespace {

using namespace testing;
using Path = std::filesystem::path;

struct Command {
  std::string begin;  // arguments of the command
  std::string go_on;  // after a kill where `needs` is there; else the first is given again
  Path needs = {};
  std::optional<Path> prepared = {};  // the folder that it begins in
};

class Kills : public FaultsTest {
 protected:
  // Repeats the command until it is done, as a user would.
  void go_on(const Path& folder, const Command& command, const std::string& when) {
    const bool can_resume = !command.needs.empty() && std::filesystem::exists(folder / command.needs);
    const Ending ending = run_trial(folder, words(can_resume ? command.go_on : command.begin), quick());
    if (ending.code != 0) ADD_FAILURE() << when << ", then " << text_of(ending);
  }

  // Kills at up to `few` places (all of them in the long form).
  void kill_everywhere(const Command& command, std::size_t few) {
    const Path whole = fresh("whole", command.prepared);
    const FileFault count(folder_ / "counter");
    done(whole, command.begin, count.setting());
    const auto undisturbed = state_of(whole);
    const std::size_t operations = count.operations();
    ASSERT_GT(operations, 2u);
    bool is_torn = false;
    for (const std::size_t n : chosen(operations, few)) {
      is_torn = !is_torn;
      for (const bool torn : {is_torn, !is_torn}) {
        if (torn != is_torn && !is_long()) continue;
        kill_at(command, undisturbed, (torn ? "torn:" : "kill:") + std::to_string(n));
      }
      if (HasFailure() && !is_long()) return;
    }
  }

  void kill_at(const Command& command, const std::map<std::string, std::string>& undisturbed,
               const std::string& fault) {
    const Path folder = fresh("trial", command.prepared);
    const Ending killed = run_trial(folder, words(command.begin), FileFault(folder_ / "counter", fault).setting());
    const std::string when = command.begin + "\n  after " + fault;
    if (killed.signal == 0 && killed.code == 0) return;  // sweeps may have done with fewer operations
    EXPECT_EQ(killed.signal, SIGKILL) << when << ": " << text_of(killed);
    expect_nothing_torn(folder, when);
    go_on(folder, command, when);
    expect_same_state(undisturbed, state_of(folder), when);
  }

  const std::string train_ = std::string("train ") + kData + "--epochs 3 --log-every 2 --validation 8 --ema 0.9 " +
                             "--keep-checkpoints all --select-by accuracy --out run ";
  const std::string resume_ = "train --resume --out run --threads 1 --quiet";
};

TEST_F(Kills, Train) { kill_everywhere({train_, resume_, "run/checkpoint.safetensors"}, 40); }

TEST_F(Kills, Resume) {
  const Path half = fresh("half");
  done(half, train_);
  const std::string longer = resume_ + " --epochs 5";
  kill_everywhere({longer, longer, "run/checkpoint.safetensors", half}, 12);
}

TEST_F(Kills, ChoosingATemperature) {
  const std::string search = std::string("train ") + kData +
                             "--epochs 4 --tau auto --auto-taus 1,50 --auto-lr 0.01,0.05 --auto-eta 2 --out run";
  kill_everywhere({search, resume_, "run/checkpoint.safetensors"}, 25);
}

TEST_F(Kills, Quickstart) {
  kill_everywhere({std::string("quickstart ") + kData + "--epochs 2 --taus 1,50 --attack-limit 8 --out run", ""}, 12);
}

TEST_F(Kills, Sweep) {
  kill_everywhere(
      {std::string("sweep ") + kData + "--epochs 2 --grid tau=1,50 --attack-limit 8 --measure clean,pgd --out run", ""},
      5);
}

class KillsOfARun : public Kills {
 protected:
  KillsOfARun() {
    run_ = fresh("run");
    done(run_, train_);
    done(run_, "attack run --steps 2 --limit 8 --save-adversarial images.npy --quiet");
  }
  Path run_;
};

TEST_F(KillsOfARun, Predict) {
  kill_everywhere(
      {"predict --weights run/checkpoint.safetensors --input images.npy --output z.npy --features f.npy", "", {}, run_},
      12);
}
TEST_F(KillsOfARun, Attack) {
  kill_everywhere({"attack run --steps 3 --limit 8 --save-adversarial adv.npy --quiet", "", {}, run_}, 12);
}
TEST_F(KillsOfARun, Evaluate) { kill_everywhere({"evaluate run --limit 8 --quiet", "", {}, run_}, 8); }
TEST_F(KillsOfARun, Report) { kill_everywhere({"report run --out r.html", "", {}, run_}, 8); }
TEST_F(KillsOfARun, Export) { kill_everywhere({"weights export run --out w.safetensors", "", {}, run_}, 8); }

// Moments that no operation on a file marks, as fractions of the time that an undisturbed run takes.
TEST_F(Kills, RandomMoments) {
  const std::string train = std::string("train ") + kData + "--epochs 60 --validation 8 --out run ";
  const Path whole = fresh("whole");
  const auto start = std::chrono::steady_clock::now();
  done(whole, train, quick());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const auto undisturbed = state_of(whole);
  std::mt19937 random(19);
  for (int i = 0; i < (is_long() ? 300 : 6); ++i) {
    const Path folder = fresh("trial");
    const double moment = std::uniform_real_distribution<double>(0, 1)(random);
    const std::string when = "killed after " + std::to_string(moment) + " of its time";
    Trial trial(folder, words(train), quick());
    std::this_thread::sleep_for(took * moment);
    trial.kill();
    (void)trial.wait();
    expect_nothing_torn(folder, when);
    go_on(folder, {train, resume_, "run/checkpoint.safetensors"}, when);
    expect_same_state(undisturbed, state_of(folder), when);
  }
}

}  // namespace
}  // namespace kelvin
