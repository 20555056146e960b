// JSON as text. Unlike Json::dump it never fails: the bytes of a string that is not UTF-8, usually a file's name, are escaped
// (engine/printable.h).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace kelvin {

// One line, or indented by `indent` spaces. Without a line end at the end.
[[nodiscard]] std::string to_text(const nlohmann::json& json, int indent = -1);

[[nodiscard]] inline nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace kelvin
