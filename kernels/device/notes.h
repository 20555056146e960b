// Notes on why a device is slower than it could be, or not used: each is printed once, where it is found, and kept for result files.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

// Prints one line on standard error, "kelvin: note: ...", at the first call with this text. Line breaks become spaces.
void note_once(const std::string& text);

// From now on notes are kept but not printed: on all ranks of a parallel run but the first.
void keep_notes_silent();

// All notes so far, in order.
[[nodiscard]] std::vector<std::string> notes_so_far();

}  // namespace kelvin
