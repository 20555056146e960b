// Notes on why a device is slower than it could be, or not used: each is printed once, where it is found, and kept for result files.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

// Prints one line on standard error, "kelvin: note: ...", at the first call with this text. Line breaks become spaces.
void note_once(const std::string& text);

// All notes so far, in order.
[[nodiscard]] std::vector<std::string> notes_so_far();

}  // namespace kelvin
