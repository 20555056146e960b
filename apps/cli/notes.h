// What a command has to say that is no mistake: files that were passed over, a checkpoint without checksums. Each note is said once, as one line
// on standard error, and only by a command that succeeds or begins its work: a mistake stays one line.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

void add_note(const std::string& note);  // nothing where it is empty
void add_notes(const std::vector<std::string>& notes);
void say_notes();  // those not said yet; print_result does it

}  // namespace kelvin
