// Notes of a command that are no errors, such as skipped files or a checkpoint without checksums. Each note is printed once, as one line on
// standard error. It is printed only if the command succeeds or begins its work, so that a mistake stays one line.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

void add_note(const std::string& note);  // an empty note is ignored
void add_notes(const std::vector<std::string>& notes);
void say_notes();  // prints those not printed yet; print_result calls it

}  // namespace kelvin
