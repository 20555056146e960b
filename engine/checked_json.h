// JSON files of ours that say when they are damaged: one object with two more names, "kelvin.format" (2) and "kelvin.checksum". Both
// stand in every file since format 2, so that a single flipped bit cannot make a new file look like an old one, which has neither.
#pragma once

#include <string>

#include "engine/json_text.h"

namespace kelvin {

// The text of such a file, for people too: indented, ending in a new line.
[[nodiscard]] std::string checked_json_text(Json object);

// The object as it was given. A file with neither name is taken as it is, and is one without a checksum; a mistake names a file that
// is damaged.
[[nodiscard]] Json read_checked_json(const std::filesystem::path& path, bool* has_checksum = nullptr);
[[nodiscard]] Json parse_checked_json(const std::filesystem::path& path, std::string_view text,
                                      bool* has_checksum = nullptr);

}  // namespace kelvin
