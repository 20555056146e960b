// What makes a device slower than it could be, or not used at all: said once, where it is found out, and kept for results.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

// One line on standard error, "kelvin: note: ...", the first time that this text is given. Line breaks become spaces.
void note_once(const std::string& text);

// All so far, in their order.
[[nodiscard]] std::vector<std::string> notes_so_far();

}  // namespace kelvin
