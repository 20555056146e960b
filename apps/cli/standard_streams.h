// Descriptors 0 to 2: what they are before anything else is opened, and what became of what was printed.
#pragma once

#include <string_view>

namespace kelvin {

// First of all in main. A closed descriptor is opened on /dev/null, so that no file of ours takes its number and is printed into.
// A closed pipe, or a file as large as it may be, is a failed write from here on and not the end of the program; programs that it
// starts have the usual signals.
void prepare_standard_streams();

// To standard output; what fails is told by close_standard_streams, when all that has to be kept is kept.
void print(std::string_view text);

// To standard error, as one line: a line break in a name is shown, not made.
void print_note(std::string_view line);

// As a program ends whose output nobody reads.
[[noreturn]] void end_quietly();

// Last of all: the exit code, given that of the work. Work that was done but could not be printed is exit code 1 and one line. Where
// the reader of standard output went away it ends quietly.
[[nodiscard]] int close_standard_streams(int code);

}  // namespace kelvin
