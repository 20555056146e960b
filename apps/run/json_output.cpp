#include "apps/run/json_output.h"

#include "engine/printable.h"

namespace kelvin {
namespace {

using Json = nlohmann::json;

std::string utf8(const std::string& text) { return is_utf8(text) ? text : escape_bytes(text); }

Json escaped(const Json& json) {
  if (json.is_string()) return utf8(json.get_ref<const std::string&>());
  if (!json.is_structured()) return json;
  Json copy = json.is_array() ? Json::array() : Json::object();
  for (const auto& [key, value] : json.items()) {
    if (json.is_array())
      copy.push_back(escaped(value));
    else
      copy[utf8(key)] = escaped(value);
  }
  return copy;
}

}  // namespace

std::string to_text(const Json& json, int indent) {
  try {
    return json.dump(indent);
  } catch (const Json::type_error&) {  // not UTF-8
    return escaped(json).dump(indent);
  }
}

}  // namespace kelvin
