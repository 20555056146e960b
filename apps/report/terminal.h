// How wide a text may be, and text folded to that width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kelvin {

inline constexpr std::size_t kUnfolded = static_cast<std::size_t>(-1);

// The columns of the terminal that standard output is: COLUMNS, else what the terminal says, else 100. At least 40.
[[nodiscard]] std::size_t terminal_columns();

// Characters of a UTF-8 string: bytes that do not continue one.
[[nodiscard]] std::size_t width_of(std::string_view text);

// Breaks lines that are wider than `columns` at spaces. What follows is indented as the line is, and by two more. Words that are wider stay
// whole, so that paths can be copied. Shorter lines stay as they are.
[[nodiscard]] std::string folded(std::string_view text, std::size_t columns);

}  // namespace kelvin
