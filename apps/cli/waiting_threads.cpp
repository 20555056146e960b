#include "apps/cli/waiting_threads.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace kelvin {
namespace {

constexpr const char *kPolicy = "OMP_WAIT_POLICY", *kSpins = "GOMP_SPINCOUNT", *kFewSpins = "1000";  // some 20 µs

}  // namespace

void keep_waiting_short(char** argv) {
  if (std::getenv(kPolicy) != nullptr || std::getenv(kSpins) != nullptr) return;
  setenv(kSpins, kFewSpins, /*overwrite=*/1);
  execv("/proc/self/exe", argv);  // returns only if it fails: then the threads spin
}

void let_threads_sleep() {
  const char* const spins = std::getenv(kSpins);
  if (spins != nullptr && std::string_view(spins) != kFewSpins) return;
  unsetenv(kSpins);  // it would override the policy
  setenv(kPolicy, "passive", /*overwrite=*/0);
}

}  // namespace kelvin
