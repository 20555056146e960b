// The course: one self-contained HTML file with eight lessons about the softmax temperature, for a reader who meets it for the first time.
// Its figures compute in the page with the formulas of the kernels (apps/report/formulas.js). It opens offline and loads nothing.
#pragma once

#include <filesystem>

namespace kelvin {

// Writes the page atomically; the same bytes every time. Throws a mistake if the file cannot be written.
void write_course(const std::filesystem::path& output);

}  // namespace kelvin
