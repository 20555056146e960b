// Standard input, output and error (descriptors 0 to 2): their preparation, printing, and write errors.
#pragma once

#include <string_view>

namespace kelvin {

// Called first in main. Opens a closed descriptor on /dev/null, so that no file of ours gets its number and with it printed text. From here on, a
// closed pipe or a file at its size limit makes a write fail and does not end the program. Child processes have the default signals.
void prepare_standard_streams();

// Prints to standard output; of the processes of a parallel run only rank 0 does. close_standard_streams reports a failure at the end, after all results are saved.
void print(std::string_view text);

// Prints one line to standard error; line breaks in `line` are escaped. Notes are printed by rank 0 alone, errors by every rank.
void print_note(std::string_view line);
void print_error(std::string_view line);

// Ends the program like one whose output pipe was closed: by SIGPIPE.
[[noreturn]] void end_quietly();

// Called last: returns the exit code, given that of the work. If the work succeeded but could not be printed, prints one line and returns 1. If
// the reader of standard output closed it, ends quietly.
[[nodiscard]] int close_standard_streams(int code);

}  // namespace kelvin
