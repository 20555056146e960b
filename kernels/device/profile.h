// Profiles: the time of named ranges, summed per name. Off by default, and then nearly free.
//
//   ProfileRange range("conv2d_forward");   // until the end of the scope
//
// Ranges of one thread may nest; nested time counts in both. Used by `kelvin bench`, for the share of time in convolutions and for --profile.
// On a GPU, where work runs after the call that queued it, the device times the ranges (cuda_profile.h), and they are collected afterwards.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "kernels/device/device.h"

namespace kelvin {

struct ProfileEntry {
  double seconds = 0;
  long calls = 0;
};

void profile_enable(bool on);  // clears what was summed before
[[nodiscard]] bool profile_is_enabled();
[[nodiscard]] std::map<std::string, ProfileEntry> profile_entries();
void profile_add(const std::string& name, double seconds);  // one call
// Call this before a step that is profiled: it delays the device until the host, which names and times every launch, is ahead. Otherwise
// ranges of a few microseconds would include the pauses between two launches.
inline void profile_hold(Cpu) {}
void profile_hold(const Cuda& cuda);
// Waits for the device and adds the times that it measured. Call this before profile_entries().
inline void profile_collect(Cpu) {}
void profile_collect(const Cuda& cuda);

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
