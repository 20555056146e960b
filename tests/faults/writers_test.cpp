// Several processes with the same folder or file: one writer at a time where only one is allowed, shared work where it can be shared, and
// readers beside a writer see complete files.
#include <gmock/gmock.h>

#include "data/npy.h"
#include "tests/data/http_server.h"
#include "tests/faults/faults_test.h"

namespace kelvin {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

class Writers : public FaultsTest {
 protected:
  // Both at once.
  std::pair<Ending, Ending> both(const Path& folder, const std::string& one, const std::string& other) {
    Trial a(folder, words(one)), b(folder, words(other));
    const Ending first = a.wait();
    return {first, b.wait()};
  }
  int rounds(int few, int many) const { return is_long() ? many : few; }

  const std::string train_ = std::string("train ") + kData + "--epochs 40 --validation 8 --out run ";
};

TEST_F(Writers, OfTwoTrainingsOneHasTheFolder) {
  const Path whole = fresh("whole");
  done(whole, train_);
  const auto undisturbed = state_of(whole);
  for (int i = 0; i < rounds(3, 60); ++i) {
    const Path folder = fresh("trial");
    auto [a, b] = both(folder, train_, train_);
    if (a.code != 0) std::swap(a, b);
    EXPECT_EQ(a.code, 0) << text_of(a);
    EXPECT_EQ(b.code, 2) << text_of(b);
    expect_contract(b, {2}, "the second training");
    expect_same_state(undisturbed, state_of(folder), "two trainings in one folder");
  }
}

TEST_F(Writers, OfTwoResumedTrainingsOneHasTheFolder) {
  const Path prepared = fresh("prepared");
  done(prepared, std::string("train ") + kData + "--epochs 2 --validation 8 --out run ");
  const std::string resume = "train --resume --out run --epochs 40 --threads 1 --quiet";
  const Path whole = fresh("whole", prepared);
  done(whole, resume);
  const auto undisturbed = state_of(whole);
  for (int i = 0; i < rounds(3, 60); ++i) {
    const Path folder = fresh("trial", prepared);
    const auto [a, b] = both(folder, resume, resume);
    expect_contract(a, {0, 2}, "a resumed training");
    expect_contract(b, {0, 2}, "a resumed training");
    EXPECT_TRUE(a.code == 0 || b.code == 0);
    expect_same_state(undisturbed, state_of(folder), "two resumed trainings");
  }
}

TEST_F(Writers, SweepsShareTheWork) {
  const std::string sweep = std::string("sweep ") + kData +
                            "--epochs 2 --grid tau=1,50 --seeds 0,1 --attack-limit 8 --measure clean,pgd --out run";
  const Path whole = fresh("whole");
  done(whole, sweep);
  const auto undisturbed = state_of(whole);
  for (int i = 0; i < rounds(1, 15); ++i) {
    const Path folder = fresh("trial");
    const auto [a, b] = both(folder, sweep, sweep);
    EXPECT_EQ(a.code, 0) << text_of(a);
    EXPECT_EQ(b.code, 0) << text_of(b);
    auto found = state_of(folder);
    for (auto* state : {&found}) std::erase_if(*state, [](const auto& f) { return f.first.ends_with("log.txt"); });
    auto expected = undisturbed;
    std::erase_if(expected, [](const auto& f) { return f.first.ends_with("log.txt"); });
    expect_same_state(expected, found, "two sweeps");
  }
}

TEST_F(Writers, ReadersBesideATraining) {
  const Path whole = fresh("whole");
  const std::string train = std::string("train ") + kData + "--epochs 400 --validation 8 --out run ";
  done(whole, train);
  const auto undisturbed = state_of(whole);
  const Path folder = fresh("trial");
  for (int i = 0; i < rounds(1, 10); ++i) {
    fresh("trial");
    Trial training(folder, words(train), {.limits = {.seconds = 300}});
    while (training.is_running() && !std::filesystem::exists(folder / "run/best.safetensors")) usleep(1000);
    int seen = 0;
    do {
      for (const char* command : {"evaluate run --limit 8 --quiet", "evaluate run --checkpoint best --limit 8 --quiet",
                                  "attack run --steps 1 --limit 4 --quiet", "report run --out r.html"}) {
        const Ending ending = run_trial(folder, words(command));
        EXPECT_EQ(ending.code, 0) << command << ": " << text_of(ending);
        ++seen;
      }
      expect_nothing_torn(folder / "run/results", "beside a training");
    } while (training.is_running() && !HasFailure());
    const Ending ending = training.wait();
    EXPECT_EQ(ending.code, 0) << text_of(ending);
    EXPECT_GT(seen, 3);
    auto found = state_of(folder);
    std::erase_if(found, [](const auto& f) {
      return f.first == "r.html" || f.first.starts_with("run/results/evaluate") ||
             f.first.starts_with("run/results/attack");
    });
    expect_same_state(undisturbed, found, "a training beside readers");
  }
}

TEST_F(Writers, TheLastWriterOfAFileHasIt) {
  const Path prepared = fresh("prepared");
  for (const char* seed : {"1", "2"})
    done(prepared, std::string("train ") + kData + "--epochs 1 --seed " + seed + " --out run" + seed);
  done(prepared, "attack run1 --steps 1 --limit 8 --save-adversarial images.npy --quiet");
  const auto predict = [](const std::string& run, const std::string& output) {
    return "predict --weights " + run + "/checkpoint.safetensors --input images.npy --output " + output;
  };
  done(prepared, predict("run1", "one.npy"));
  done(prepared, predict("run2", "two.npy"));
  const std::string one = read_text(prepared / "one.npy"), two = read_text(prepared / "two.npy");
  ASSERT_NE(one, two);
  const std::size_t files = state_of(prepared).size();
  for (int i = 0; i < rounds(5, 200); ++i) {
    const auto [a, b] = both(prepared, predict("run1", "z.npy"), predict("run2", "z.npy"));
    EXPECT_EQ(a.code, 0) << text_of(a);
    EXPECT_EQ(b.code, 0) << text_of(b);
    const std::string found = read_text(prepared / "z.npy");
    EXPECT_TRUE(found == one || found == two);
  }
  EXPECT_EQ(state_of(prepared).size(), files + 1);  // nothing else is left
}

// A set without published digests, so that its content decides.
TEST_F(Writers, TwoFetchesOfOneSet) {
  const std::vector<std::uint8_t> pixels(2000u * 32 * 32 * 3, 7);
  std::vector<std::uint8_t> labels(2000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i % 10);
  const Path home = fresh("home");
  write_npy(home / "data.npy", std::span<const std::uint8_t>(pixels), {2000, 32, 32, 3});
  write_npy(home / "labels.npy", std::span<const std::uint8_t>(labels), {2000});
  const std::string data = read_text(home / "data.npy");
  HttpServer server({{"cifar10.1_v6_data.npy", data}, {"cifar10.1_v6_labels.npy", read_text(home / "labels.npy")}});
  const std::string fetch = "data fetch cifar10.1 --quiet --out data --url " + server.address();
  for (int i = 0; i < rounds(1, 20); ++i) {
    const Path folder = fresh("trial");
    const Setting direct = {.environment = {{"no_proxy", "127.0.0.1"}}};
    Trial a(folder, words(fetch), direct), b(folder, words(fetch), direct);
    for (const Ending& ending : {a.wait(), b.wait()}) EXPECT_EQ(ending.code, 0) << text_of(ending);
    EXPECT_EQ(read_text(folder / "data/CIFAR-10.1/cifar10.1_v6_data.npy"), data);
    EXPECT_EQ(state_of(folder).size(), 2u);
  }
}

}  // namespace
}  // namespace kelvin
