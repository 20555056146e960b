// What a file is that was given for weights and is none: by its first bytes, with what to do about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace kelvin {

inline constexpr std::uint64_t kForeignStart = 64;  // as many bytes tell

// "is a zip file, ...; do this"; empty where the bytes are of no kind that is known here.
[[nodiscard]] std::string foreign_kind(std::span<const std::byte> start);

// Where the text of a text file begins, after white space and a byte-order mark; start.size() for what is no text.
[[nodiscard]] std::size_t first_of_text(std::span<const std::byte> start);

}  // namespace kelvin
