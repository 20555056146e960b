// Recognises files that are not weights by their first bytes, to say what they are and what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace kelvin {

inline constexpr std::uint64_t kForeignStart = 64;  // bytes that it looks at

// "is a zip file, ...; do this"; empty for an unknown kind of file.
[[nodiscard]] std::string foreign_kind(std::span<const std::byte> start);

// Where the text of a text file begins, after white space and a byte-order mark; start.size() for what is no text.
[[nodiscard]] std::size_t first_of_text(std::span<const std::byte> start);

}  // namespace kelvin
