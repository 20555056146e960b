// JSON from files, parsed within limits: a small file can neither overflow the stack (the library prints, compares and destroys nested
// values by recursion) nor make the parser allocate gigabytes.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace kelvin {

using Json = nlohmann::json;

inline constexpr int kMaxJsonDepth = 64;
inline constexpr std::size_t kMaxJsonValues = 2'000'000;
inline constexpr std::size_t kMaxJsonLineValues = 5'000'000;  // in all lines of a file together

// A mistake that names `path` and the byte (`offset` is the text's place in the file): no JSON, nested deeper than kMaxJsonDepth, more than
// kMaxJsonValues values, a name that occurs twice in one object, a number that no double holds.
[[nodiscard]] Json parse_json(const std::filesystem::path& path, std::string_view text, std::size_t offset = 0);

// One value a line, as a list; empty lines and a last one without its line end are left out. A mistake as well: more than
// kMaxJsonLineValues values in all of them.
[[nodiscard]] Json parse_json_lines(const std::filesystem::path& path, std::string_view text);

// A whole file; a mistake as well where it cannot be read.
[[nodiscard]] Json read_json(const std::filesystem::path& path);

}  // namespace kelvin
