// Where the time goes: named ranges, summed per name. Off by default and then nearly free.
//
//   ProfileRange range("conv2d_forward");   // until the end of the scope
//
// Ranges of one thread may nest; nested time counts in both. Used by `kelvin bench` for the share of time in convolutions.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace kelvin {

struct ProfileEntry {
  double seconds = 0;
  long calls = 0;
};

void profile_enable(bool on);  // clears what was summed before
[[nodiscard]] std::map<std::string, ProfileEntry> profile_entries();

class ProfileRange {
 public:
  explicit ProfileRange(const char* name);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  const char* name_;  // nullptr: profiling is off
  std::chrono::steady_clock::time_point start_;
};

}  // namespace kelvin
