// Every row of a sweep's table against its baseline: over seeds (inference.h), and on the same images (statistics.h).
#pragma once

#include "apps/sweep/table.h"

namespace kelvin {

inline constexpr double kSignificant = 0.05;  // of an adjusted p, and of an equivalence test

// Of a table whose rows, columns and family are there. Holm's correction: for the tests over seeds over the whole family, rows and columns
// together; for the tests on the same images over the rows of a column.
void compare_with_baseline(SweepTable& table, const Baseline& baseline);

// The declared contrasts that could be tested.
struct Contrast {
  const SweepRow* row = nullptr;
  const SweepColumn* column = nullptr;
  const SeedDifference* difference = nullptr;
};
[[nodiscard]] std::vector<Contrast> contrasts_of(const SweepTable& table);  // row by row

}  // namespace kelvin
