// One flipped bit in a file that the program has written. It is detected and reported, or makes no difference; it never changes a number.
#include <gmock/gmock.h>

#include <random>

#include "tests/data/image_writer.h"
#include "tests/faults/faults_test.h"

namespace kelvin {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

void flip(const Path& path, std::size_t bit) {
  std::string bytes = read_text(path);
  bytes.at(bit / 8) = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  std::ofstream(path, std::ios::binary) << bytes;
}

class Flips : public FaultsTest {
 protected:
  Flips() {
    run_ = fresh("run");
    done(run_, std::string("train ") + kData + "--epochs 2 --validation 8 --out run");
  }
  // Bits of [begin, end) of the file, one at a time: all in the long form, but no more than `most`; else `few`. The command sees the
  // damaged file; the file is put back.
  template <class F>
  void each_flip(const Path& path, std::size_t begin, std::size_t end, std::size_t few, std::size_t most, const F& f) {
    const std::string whole = read_text(path);
    ASSERT_LE(end, whole.size());
    std::vector<std::size_t> bits = chosen((end - begin) * 8, is_long() ? most : few);
    if (bits.size() > most) bits.resize(most);
    std::mt19937 random(23);
    for (std::size_t i = 0; i < bits.size(); ++i) {
      // The long form of a large file, and the short one of every file, take bits by chance.
      const bool by_chance = !is_long() || (end - begin) * 8 > most;
      const std::size_t bit =
          begin * 8 +
          (by_chance ? std::uniform_int_distribution<std::size_t>(0, (end - begin) * 8 - 1)(random) : bits[i]);
      flip(path, bit);
      f(path.filename().string() + ", bit " + std::to_string(bit % 8) + " of byte " + std::to_string(bit / 8));
      std::ofstream(path, std::ios::binary) << whole;
      if (HasFailure() && !is_long()) return;
    }
  }
  void expect_named(const std::string& command, const std::string& name, const std::string& when) {
    const Ending ending = run_trial(run_, words(command), quick());
    expect_contract(ending, {2}, when);
    EXPECT_THAT(ending.err, HasSubstr(name)) << when;
  }
  static std::size_t header_end(const Path& path) {
    std::uint64_t size = 0;
    std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&size), sizeof size);
    return 8 + static_cast<std::size_t>(size);
  }
  Path run_;
};

TEST_F(Flips, WeightsNameTheFileAndTheTensor) {
  for (const auto& [name, command] :
       std::vector<std::pair<std::string, std::string>>{{"checkpoint", "evaluate run --limit 4 --quiet"},
                                                        {"best", "evaluate run --checkpoint best --limit 4 --quiet"}}) {
    const Path path = run_ / "run" / (name + ".safetensors");
    const std::size_t begin = header_end(path), end = std::filesystem::file_size(path);
    each_flip(path, 0, begin, 25, 6'000,
              [&](const std::string& when) { expect_named(command, path.filename(), when); });
    each_flip(path, begin, end, 25, 3'000, [&](const std::string& when) {
      const Ending ending = run_trial(run_, words(command), quick());
      expect_contract(ending, {2}, when);
      EXPECT_THAT(ending.err, HasSubstr(path.filename().string())) << when;
      EXPECT_THAT(ending.err, ::testing::ContainsRegex("tensor .*[a-z0-9_]+\\.[a-z0-9_.]+")) << when;
    });
  }
}

TEST_F(Flips, ResultsAreNamedByTheReport) {
  done(run_, "evaluate run --quiet");
  for (const char* name : {"train", "evaluate"}) {
    const Path path = run_ / "run/results" / (std::string(name) + ".json");
    each_flip(path, 0, std::filesystem::file_size(path), 25, 6'000, [&](const std::string& when) {
      std::filesystem::remove(run_ / "r.html");
      expect_named("report run --out r.html", path.filename(), when);
      EXPECT_TRUE(std::filesystem::exists(run_ / "r.html")) << when;  // the page is written without that figure
    });
  }
}

// A flag that a resumed run may not change is refused; one that may, and white space, make no difference to what is learned.
TEST_F(Flips, AConfigurationIsRefusedOrMakesNoDifference) {
  const std::string resume = "train --resume --out run --epochs 3 --threads 1 --quiet";
  const Path whole = fresh("whole", run_);
  done(whole, resume);
  auto undisturbed = state_of(whole);
  undisturbed.erase("run/config.toml");
  const Path path = run_ / "run/config.toml";
  const Path copy = fresh("copy", run_);
  each_flip(path, 0, std::filesystem::file_size(path), 60, 6'000, [&](const std::string& when) {
    const Path folder = fresh("trial", copy);
    std::ofstream(folder / "run/config.toml", std::ios::binary) << read_text(path);
    const Ending ending = run_trial(folder, words(resume), quick());
    expect_contract(ending, {0, 2}, when);
    if (ending.code != 0) return;
    auto found = state_of(folder);
    found.erase("run/config.toml");
    expect_same_state(undisturbed, found, when);
  });
}

// A damaged line of metrics.jsonl is left out or named by the report, and stops no resumed training; what is learned is the same.
TEST_F(Flips, MetricsChangeNothingThatIsLearned) {
  const std::string resume = "train --resume --out run --epochs 3 --threads 1 --quiet";
  const Path whole = fresh("whole", run_);
  done(whole, resume);
  auto undisturbed = state_of(whole);
  undisturbed.erase("run/metrics.jsonl");
  const Path path = run_ / "run/metrics.jsonl";
  const Path copy = fresh("copy", run_);
  each_flip(path, 0, std::filesystem::file_size(path), 30, 6'000, [&](const std::string& when) {
    const Path folder = fresh("trial", copy);
    std::ofstream(folder / "run/metrics.jsonl", std::ios::binary) << read_text(path);
    expect_contract(run_trial(folder, words("report run --out ../r.html"), quick()), {0, 2}, when);
    const Ending ending = run_trial(folder, words(resume), quick());
    expect_contract(ending, {0, 2}, when);
    if (ending.code != 0) return;
    std::ofstream(folder / "run/metrics.jsonl") << "";
    auto found = state_of(folder);
    found.erase("run/metrics.jsonl");
    expect_same_state(undisturbed, found, when);
  });
}

// A damaged entry of the cache is made anew, or named.
TEST_F(Flips, TheImageCacheNeverShowsOtherPixels) {
  const Path set = fresh("set");
  for (const char* half : {"train", "test"})
    for (const char* name : {"a", "b", "c"})
      for (int i = 0; i < 4; ++i)
        write_image(set / "set" / half / name / (std::to_string(i) + ".png"), 4, 4, 1, name[0] * 7 + i);
  done(set, "train --data folder:set --model mlp --epochs 1 --batch-size 4 --out run --quiet");
  const std::string evaluate = "evaluate run --json --quiet";
  const Ending undisturbed = done(set, evaluate);
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache/images"))
    each_flip(entry.path(), 0, std::filesystem::file_size(entry.path()), 25, 6'000, [&](const std::string& when) {
      const Ending ending = run_trial(set, words(evaluate), quick());
      expect_contract(ending, {0, 2}, when);
      if (ending.code != 0) return;
      EXPECT_EQ(ending.out, undisturbed.out) << when;
    });
}

// The files in which a sweep keeps the requests and states of its cells.
TEST_F(Flips, CellsOfASweep) {
  const Path swept = fresh("swept");
  const std::string sweep = std::string("sweep ") + kData +
                            "--epochs 1 --grid tau=1,50 --attack-limit 8 --measure clean,pgd --out run --json";
  const Ending undisturbed = done(swept, sweep);
  for (const char* name : {"cell.json", "results/done.json", "results/evaluate.json"}) {
    const Path path = swept / "run/tau-50_seed-0" / name;
    each_flip(path, 0, std::filesystem::file_size(path), 3, 400, [&](const std::string& when) {
      const Path folder = fresh("trial", swept);
      const Ending ending = run_trial(folder, words(sweep), quick());
      expect_contract(ending, {0, 1, 2}, when);
      if (ending.code != 0) return;
      EXPECT_EQ(ending.out, undisturbed.out) << when;
    });
  }
}

}  // namespace
}  // namespace kelvin
