// JSON on its way out. Unlike Json::dump it never fails: a string that is not UTF-8 – a file's name, as a rule – is written with its
// bytes escaped (engine/printable.h).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace kelvin {

// In one line, or indented by `indent` spaces. Ends without a line end.
[[nodiscard]] std::string to_text(const nlohmann::json& json, int indent = -1);

[[nodiscard]] inline nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace kelvin
