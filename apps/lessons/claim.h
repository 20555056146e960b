// How a lesson ends: it prints a table and asserts what it says about it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "kernels/device/error.h"

// Ends the program with exit code 1 and a line unless the claim holds.
inline void claim(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "This run contradicts the lesson: %s\n", what);
  std::exit(1);
}

// Data that are not there, and other mistakes, end it with one line and their exit code (2), as they end kelvin.
inline const std::terminate_handler kWithoutEnding = std::set_terminate([] {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const kelvin::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    std::_Exit(static_cast<int>(e.code()));
  }
});
