// One run of the program under test: started with limits, watched while it runs, waited for with a timeout, its ending classified.
// The program leads a process group of its own, which dies with it and with the test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace kelvin::testing {

struct Limits {
  double seconds = 60;  // wall-clock time, much longer than a run; after it the run counts as hung
  std::uint64_t address_space = 0, file_size = 0, processes = 0;  // for setrlimit; 0: unchanged
  unsigned user = 0;  // user and group of the program; 0: the test's own. Limits on processes do not apply to root
};

constexpr int kCaptured = -2, kClosed = -1;
// Standard input, output and error of the program: an open descriptor of the test, closed, or captured in the ending (input: /dev/null).
struct Streams {
  int in = kCaptured, out = kCaptured, err = kCaptured;
};

struct Setting {
  Limits limits = {};
  Streams streams = {};
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to the test's own
  std::string program = {};                                           // empty: kelvin
};

struct Ending {
  int code = -1;   // exit code; -1: it did not exit
  int signal = 0;  // the signal that ended it
  bool hung = false;
  std::int64_t peak_bytes = 0;  // peak resident memory of the program itself
  std::string out, err;
};
// For messages: "exit 2", "signal 11" or "hung", and the text on standard error.
std::string text_of(const Ending& ending);

using Arguments = std::vector<std::string>;
// The words of a line without quotes.
Arguments words(const std::string& line);

class Trial {
 public:
  Trial(const std::filesystem::path& folder, const Arguments& arguments, const Setting& setting = {});
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  [[nodiscard]] bool is_running();
  void kill() const;  // the whole group, with SIGKILL
  Ending wait();

 private:
  void read_available();
  void reap(int options);

  Limits limits_;
  pid_t child_ = -1;
  int out_ = -1, err_ = -1;  // read ends of the pipes for captured output
  bool is_over_ = false;
  Ending ending_;
};

// The number of trials started in this process.
std::size_t trials_started();

Ending run_trial(const std::filesystem::path& folder, const Arguments& arguments, const Setting& setting = {});

// Fails the current test unless the ending keeps the error contract: one of these exit codes, and for a mistake (2) exactly one line
// "kelvin: ..." on standard error, or as the last line there if notes are allowed before it.
void expect_contract(const Ending& ending, const std::vector<int>& codes, const std::string& what,
                     bool allows_notes = false);

// Whether the campaigns run in full (KELVIN_FAULTS=long) or in the short form of continuous integration.
bool is_long();
// Numbers below `count`: all in the long form, else at most `few`, spread evenly, the last one among them.
std::vector<std::size_t> chosen(std::size_t count, std::size_t few);

}  // namespace kelvin::testing
