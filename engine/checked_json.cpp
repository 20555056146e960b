#include "engine/checked_json.h"

#include "engine/checksum.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr const char* kJsonFormat = "kelvin.format";
constexpr const char* kChecksum = "kelvin.checksum";
constexpr int kCurrentJsonFormat = 2;

// What is no UTF-8 never stops a run: it is replaced.
std::string text_of(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string checked_json_text(Json object) {
  object.erase(kChecksum);
  object[kJsonFormat] = kCurrentJsonFormat;
  object[kChecksum] = checksum_of(text_of(object, -1));
  return text_of(object, 2) + "\n";
}

Json parse_checked_json(const std::filesystem::path& path, std::string_view text, bool* has_checksum) {
  Json json = parse_json(path, text);
  if (!json.is_object()) throw mistake(path.string(), ": damaged: expected a JSON object");
  const bool is_checked = json.contains(kJsonFormat) || json.contains(kChecksum);
  if (has_checksum != nullptr) *has_checksum = is_checked;
  if (!is_checked) return json;
  const Json kept = json.value(kChecksum, Json()), format = json.value(kJsonFormat, Json());
  json.erase(kChecksum);
  if (kept != checksum_of(text_of(json, -1)) || format != kCurrentJsonFormat)
    throw mistake(path.string(),
                  ": damaged: it does not agree with its checksum; take it from a copy or make it again (if it "
                  "was changed on purpose, remove the lines kelvin.format and kelvin.checksum)");
  json.erase(kJsonFormat);
  return json;
}

Json read_checked_json(const std::filesystem::path& path, bool* has_checksum) {
  return parse_checked_json(path, read_text(path), has_checksum);
}

}  // namespace kelvin
