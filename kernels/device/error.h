// The one exception type of the program, and CHECK for violated preconditions of our own functions.
//
// A mistake by a person (flag, file, shape, value) throws Error with ExitCode::mistake; its text is one line naming
// what, where, expected and got, and the next thing to try. `apps/cli/main.cpp` prints it and exits with the code.
//
//   if (tau <= 0) throw mistake("tau"_field, " must be > 0, got ", tau);      what() is "tau must be > 0, got 0"
//
// The text names fields of options structs, not flags; an Error also says where in the text they stand, so that
// apps/cli can print them as flags: "--tau must be > 0, got 0".
#pragma once

#include <stdexcept>
#include <string>

#include "kernels/device/message.h"

namespace kelvin {

// Exit codes of the program; they are part of the command line's contract.
enum class ExitCode { done = 0, internal = 1, mistake = 2, diverged = 3, out_of_memory = 4 };

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const Message& message)
      : std::runtime_error(message.text), code_(code), fields_(message.fields) {}
  [[nodiscard]] ExitCode code() const { return code_; }
  [[nodiscard]] Message message() const { return {what(), fields_}; }

 private:
  ExitCode code_;
  std::vector<std::size_t> fields_;
};

template <class... Parts>
[[nodiscard]] Error mistake(const Parts&... parts) {
  return Error(ExitCode::mistake, message(parts...));
}

template <class... Parts>
[[nodiscard]] Error internal_error(const Parts&... parts) {
  return Error(ExitCode::internal, message(parts...));
}

}  // namespace kelvin

// A precondition of our own functions: throws ExitCode::internal with the failing expression and the given parts.
#define KELVIN_CHECK(condition, ...)                                                                         \
  do {                                                                                                       \
    if (!(condition))                                                                                        \
      throw ::kelvin::internal_error(__FILE__, ":", __LINE__, ": ", #condition, " is false. ", __VA_ARGS__); \
  } while (false)
