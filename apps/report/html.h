// Escapes text for HTML pages. All text from outside the program passes through one of these functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kelvin {

// For text between tags and in quoted attributes. Control characters and bytes that are not UTF-8 are made visible (engine/printable.h).
[[nodiscard]] std::string escape_html(std::string_view text);

// For a script element, as JSON: no text in it ends the element or opens a comment.
[[nodiscard]] std::string json_for_script(const nlohmann::json& json);

// The page with every {{NAME}} replaced by the text of that name, in one pass, so that replaced text is not searched again.
[[nodiscard]] std::string fill_page(const std::string& page,
                                    const std::vector<std::pair<std::string, std::string>>& parts);

}  // namespace kelvin
