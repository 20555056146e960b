// The one exception type of the program, and CHECK for broken promises between our own functions.
//
// A mistake by a person (flag, file, shape, value) throws Error with ExitCode::mistake; its text is one line naming
// what, where, expected and got, and the next thing to try. `apps/cli/main.cpp` prints it and exits with the code.
//
//   if (tau <= 0) throw mistake("--tau must be > 0, got ", tau);
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace kelvin {

// Exit codes of the program; they are part of the command line's contract.
enum class ExitCode { done = 0, internal = 1, mistake = 2, diverged = 3, out_of_memory = 4 };

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// Joins values into one string with operator<<.
template <class... Parts>
[[nodiscard]] std::string str(const Parts&... parts) {
  std::ostringstream out;
  out.exceptions(std::ios_base::badbit);  // no memory is an exception, not a shorter text
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[nodiscard]] Error mistake(const Parts&... parts) {
  return Error(ExitCode::mistake, str(parts...));
}

template <class... Parts>
[[nodiscard]] Error internal_error(const Parts&... parts) {
  return Error(ExitCode::internal, str(parts...));
}

}  // namespace kelvin

// A promise between our own functions: throws ExitCode::internal with the failing expression and the given parts.
#define KELVIN_CHECK(condition, ...)                                                                         \
  do {                                                                                                       \
    if (!(condition))                                                                                        \
      throw ::kelvin::internal_error(__FILE__, ":", __LINE__, ": ", #condition, " is false. ", __VA_ARGS__); \
  } while (false)
