#include "engine/json_text.h"

#include <set>

#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// Walks over the text without parsing it: depth by brackets, values by what separates them.
void require_bounds(const Path& path, std::string_view text, std::size_t offset) {
  int depth = 0;
  std::size_t values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == '[' || c == '{' || c == ',') ++values;
    if (depth > kMaxJsonDepth)
      throw mistake(path.string(), ": byte ", offset + i, ": JSON nested deeper than ", kMaxJsonDepth, " levels");
    if (values > kMaxJsonValues)
      throw mistake(path.string(), ": byte ", offset + i, ": JSON of more than ", kMaxJsonValues, " values");
  }
}

}  // namespace

Json parse_json(const Path& path, std::string_view text, std::size_t offset) {
  require_bounds(path, text, offset);
  std::vector<std::set<std::string>> names;  // of each object that is open
  const auto refuse_twice = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
      throw mistake(path.string(), ": the name \"", parsed.get<std::string>(), "\" stands twice in one object");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), refuse_twice);
  } catch (const Json::out_of_range&) {
    throw mistake(path.string(), ": holds a number too large to be one");
  } catch (const Json::parse_error& e) {
    throw mistake(path.string(), ": byte ", offset + e.byte, ": not valid JSON", text.empty() ? " (empty)" : "");
  }
}

Json read_json(const Path& path) { return parse_json(path, read_text(path)); }

}  // namespace kelvin
