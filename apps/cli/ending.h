// How the program ends: one line on standard error and an exit code that says of which kind it was.
#pragma once

#include <functional>

namespace kelvin {

// Runs the program and gives its exit code; an exception becomes its line and code: that of an Error; 4 where memory or threads gave out,
// wherever that was noticed; 1 for anything else.
//
// What no catch reaches ends in the same way: an exception in a thread or a parallel region of a library, or in a destructor, and
// libgomp, which ends the program itself where it gets no memory or thread.
[[nodiscard]] int run_to_its_end(const std::function<int()>& program);

}  // namespace kelvin
