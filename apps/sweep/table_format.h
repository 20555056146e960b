// How the figures of a sweep's table are written, in text, CSV and JSON alike.
#pragma once

#include "apps/sweep/table.h"

namespace kelvin {

[[nodiscard]] std::string printed(const char* format, double value);     // of printf, for one double
[[nodiscard]] std::string significant_digits(double value, int digits);  // large numbers in full: 1440, not 1.44e+03
[[nodiscard]] std::string state_of(const CellFigures& cell);             // "done", "diverged", "not converged"
[[nodiscard]] const char* name_of(CellFigures::Status status);           // "diverged"
[[nodiscard]] std::string plain_title(const SweepColumn& column);        // without "%"
// A figure in the units of its column: percent, or three significant digits. Differences have a sign, and are in points.
[[nodiscard]] std::string figure_text(const SweepColumn& column, double value, int digits = 3);
[[nodiscard]] std::string difference_text(const SweepColumn& column, double value);
[[nodiscard]] std::string p_text(double p);  // "0.012", "<0.001"

}  // namespace kelvin
