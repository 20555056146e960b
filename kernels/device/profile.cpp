#include "kernels/device/profile.h"

#include <atomic>
#include <mutex>

namespace kelvin {
namespace {

std::atomic<bool> is_enabled{false};
std::mutex entries_mutex;
std::map<std::string, ProfileEntry> entries;

}  // namespace

void profile_enable(bool on) {
  const std::lock_guard lock(entries_mutex);
  entries.clear();
  is_enabled = on;
}

bool profile_is_enabled() { return is_enabled; }

void profile_add(const std::string& name, double seconds) {
  const std::lock_guard lock(entries_mutex);
  ProfileEntry& e = entries[name];
  e.seconds += seconds;
  ++e.calls;
}

std::map<std::string, ProfileEntry> profile_entries() {
  const std::lock_guard lock(entries_mutex);
  return entries;
}

ProfileRange::ProfileRange(const char* name) : name_(is_enabled ? name : nullptr) {
  if (name_ != nullptr) start_ = std::chrono::steady_clock::now();
}

ProfileRange::~ProfileRange() {
  if (name_ == nullptr) return;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  profile_add(name_, elapsed.count());
}

}  // namespace kelvin
