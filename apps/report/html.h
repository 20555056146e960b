// Text from outside on a page. Whatever stands on one that is not our own goes through one of these.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace kelvin {

// Between tags and inside quoted attributes. Control characters and bytes that are not UTF-8 are shown (engine/printable.h).
[[nodiscard]] std::string escape_html(std::string_view text);

// Inside a script element, as JSON: nothing in it ends the element or opens a comment.
[[nodiscard]] std::string json_for_script(const nlohmann::json& json);

}  // namespace kelvin
