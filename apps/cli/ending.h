// How the program ends after an error: one line on standard error, and an exit code for the kind of error.
#pragma once

#include <functional>

namespace kelvin {

// Runs the program and returns its exit code. An exception prints its line and gives the code of an Error, 4 if memory or threads ran out, and
// 1 for anything else.
//
// Errors that no catch can reach end with the same line and code: an exception in a thread or parallel region of a library or in a
// destructor, and libgomp, which itself ends the program if it gets no memory or thread.
[[nodiscard]] int run_to_its_end(const std::function<int()>& program);

}  // namespace kelvin
