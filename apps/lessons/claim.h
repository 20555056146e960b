// A lesson prints a table and asserts what it says about it.
#pragma once

#include <cstdio>
#include <cstdlib>

// Ends the program with exit code 1 and a line unless the claim holds.
inline void claim(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "This run contradicts the lesson: %s\n", what);
  std::exit(1);
}
