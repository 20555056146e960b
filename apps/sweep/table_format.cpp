#include "apps/sweep/table_format.h"

#include <cmath>
#include <cstdio>

namespace kelvin {

std::string printed(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string significant_digits(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*e", digits - 1, value);
  const double rounded = std::strtod(text, nullptr);
  return std::abs(rounded) >= 1 && std::abs(rounded) < 1e9 ? printed("%.9g", rounded) : printed("%g", rounded);
}

const char* name_of(CellFigures::Status s) {
  switch (s) {
    case CellFigures::Status::done: return "done";
    case CellFigures::Status::diverged: return "diverged";
    case CellFigures::Status::failed: return "failed";
    case CellFigures::Status::missing: return "missing";
  }
  return "?";
}

std::string state_of(const CellFigures& cell) { return cell.has_converged ? name_of(cell.status) : "not converged"; }

std::string plain_title(const SweepColumn& column) {
  return column.title.ends_with(" %") ? column.title.substr(0, column.title.size() - 2) : column.title;
}

std::string figure_text(const SweepColumn& column, double value, int digits) {
  return column.is_percent ? printed("%.1f", 100 * value) : significant_digits(value, digits);
}

std::string difference_text(const SweepColumn& column, double value) {
  const std::string text = figure_text(column, std::abs(value), 2);
  const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
  return is_zero ? text : str(value < 0 ? "-" : "+", text);
}

std::string p_text(double p) { return p < 0.001 ? "<0.001" : printed("%.3f", p); }

}  // namespace kelvin
