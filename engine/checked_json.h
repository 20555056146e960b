// JSON files of ours in which damage is noticed: one object with two more names, "kelvin.format" (2) and "kelvin.checksum". Every file since
// format 2 has both, so that a single flipped bit cannot make a new file look like an old one, which has neither.
#pragma once

#include <string>

#include "engine/json_text.h"

namespace kelvin {

// The text of such a file, readable for people: indented, ending in a new line.
[[nodiscard]] std::string checked_json_text(Json object);

// The object without the two names. A file with neither of them is accepted without a check; a damaged file is a mistake that names it.
[[nodiscard]] Json read_checked_json(const std::filesystem::path& path, bool* has_checksum = nullptr);
[[nodiscard]] Json parse_checked_json(const std::filesystem::path& path, std::string_view text,
                                      bool* has_checksum = nullptr);

}  // namespace kelvin
