// Each command with standard streams that are closed, full or without a reader. The files on the disk are the same as otherwise: results are
// saved before they are printed, and no text for a stream gets into a file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/faults/faults_test.h"

namespace kelvin {
namespace {

using namespace testing;
using Path = std::filesystem::path;

// An open file of the test's that closes itself.
class Opened {
 public:
  Opened(const char* path, int flags) : descriptor_(open(path, flags | O_CLOEXEC)) {}
  explicit Opened(int descriptor) : descriptor_(descriptor) {}
  ~Opened() { close(descriptor_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

class StreamsOf : public FaultsTest, public ::testing::WithParamInterface<const char*> {
 protected:
  StreamsOf() {
    prepared_ = fresh("prepared");
    done(prepared_, std::string("train ") + kData + "--epochs 2 --out run");
    done(prepared_, "attack run --steps 1 --limit 4 --save-adversarial images.npy --quiet");
    whole_ = fresh("whole", prepared_);
    done(whole_, GetParam());
    undisturbed_ = state_of(whole_);
  }
  Ending with(const Streams& streams) {
    trial_ = fresh("trial", prepared_);
    return run_trial(trial_, words(GetParam()), {.streams = streams});
  }
  void expect_undisturbed(const std::string& when) {
    expect_same_state(undisturbed_, state_of(trial_), std::string(GetParam()) + " with " + when);
  }
  Path prepared_, whole_, trial_;
  std::map<std::string, std::string> undisturbed_;
};

TEST_P(StreamsOf, ClosedOnesAreNoReasonToFail) {
  const std::vector<std::pair<std::string, Streams>> cases = {{"standard input closed", {.in = kClosed}},
                                                              {"standard output closed", {.out = kClosed}},
                                                              {"standard error closed", {.err = kClosed}},
                                                              {"all closed", {kClosed, kClosed, kClosed}}};
  for (const auto& [when, streams] : cases) {
    const Ending ending = with(streams);
    EXPECT_EQ(ending.code, 0) << GetParam() << " with " << when << ": " << text_of(ending);
    expect_undisturbed(when);
  }
}

TEST_P(StreamsOf, AFullStandardOutputIsAnErrorOfOneLine) {
  const Opened full("/dev/full", O_WRONLY);
  const Ending ending = with({.out = full.get()});
  EXPECT_EQ(ending.code, 1) << GetParam() << ": " << text_of(ending);
  EXPECT_THAT(ending.err, ::testing::HasSubstr("kelvin: standard output"));
  expect_undisturbed("a full standard output");
}

TEST_P(StreamsOf, AFullStandardErrorHarmsNoResult) {
  const Opened full("/dev/full", O_WRONLY);
  const Ending ending = with({.err = full.get()});
  EXPECT_TRUE(ending.signal == 0 && (ending.code == 0 || ending.code == 1)) << GetParam() << ": " << text_of(ending);
  expect_undisturbed("a full standard error");
}

TEST_P(StreamsOf, AReaderThatLeavesHarmsNoResult) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  const Opened abandoned(ends[1]);
  const Ending ending = with({.out = abandoned.get()});
  EXPECT_TRUE(!ending.hung && (ending.signal == SIGPIPE || ending.code == 0 || ending.code == 1 || ending.code == 141))
      << GetParam() << ": " << text_of(ending);
  EXPECT_THAT(ending.err, ::testing::Not(::testing::HasSubstr("kelvin: "))) << GetParam();  // quietly, as other tools
  expect_undisturbed("a reader that left");
}

INSTANTIATE_TEST_SUITE_P(
    Commands, StreamsOf,
    ::testing::Values("train --resume --out run --epochs 4 --threads 1", "evaluate run --limit 8",
                      "attack run --steps 2 --limit 8 --save-adversarial adv.npy",
                      "corrupt run --limit 4 --corruptions contrast --save corrupted", "geometry run --limit 8",
                      "gradients run --limit 8",
                      "predict --weights run/checkpoint.safetensors --input images.npy --output z.npy",
                      "weights inspect run/checkpoint.safetensors", "report run --out r.html", "data list",
                      "data verify images.npy", "data show --data synthetic:train=1,test=4,size=12 --out sheet.png"),
    [](const auto& info) {
      std::string name = info.param;
      name.resize(std::min(name.find_first_of(' ') == std::string::npos ? name.size() : name.find(' '), name.size()));
      return name + std::to_string(info.index);
    });

}  // namespace
}  // namespace kelvin
