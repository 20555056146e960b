// Progress of long work on standard error. On a terminal: a bar with rate and time left. Otherwise: one line every few seconds. With --quiet:
// nothing.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace kelvin {

// Called by long work with its progress: done and total in `unit`s, and a short note ("loss 0.41").
using ProgressFunction = std::function<void(long done, long total, const std::string& note)>;

class Progress {
 public:
  Progress(std::string label, std::string unit, bool quiet);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(long done, long total, const std::string& note);
  void finish();  // ends the line; the destructor calls it
  [[nodiscard]] ProgressFunction function() {
    return [this](long done, long total, const std::string& note) { update(done, total, note); };
  }

 private:
  using Clock = std::chrono::steady_clock;
  void print(long done, long total, const std::string& note, double elapsed);

  std::string label_, unit_;
  bool is_quiet_, is_terminal_, has_printed_ = false;
  Clock::time_point start_, last_print_;
};

// Seconds as "42 s", "3 min 05 s", "2 h 10 min".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace kelvin
