// The card as files.
#pragma once

#include <filesystem>

#include "engine/json_text.h"

namespace kelvin {

// FILE.html, one self-contained page, for FILE.json; both appear whole or not at all. The JSON has a checksum as results have. `card`: of card_json.
void write_card(const std::filesystem::path& json, const Json& card);
// The page that belongs to a card's JSON.
[[nodiscard]] std::filesystem::path page_of(const std::filesystem::path& json);

}  // namespace kelvin
