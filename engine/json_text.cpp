#include "engine/json_text.h"

#include <set>

#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// Walks over the text without parsing it: depth by brackets, values by what separates them. Returns how many values there are.
std::size_t require_bounds(const Path& path, std::string_view text, std::size_t offset) {
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
  return values;
}

// Refuses a name that stands twice in one object. A pass of its own: the library's parser with a callback looks, at the end of each
// object, through all that stands beside it, which takes minutes for a million of them.
class NamesOnce : public nlohmann::json_sax<Json> {
 public:
  explicit NamesOnce(const Path& path) : path_(path) {}

  bool start_object(std::size_t) override {
    names_.emplace_back();
    return true;
  }
  bool key(std::string& name) override {
    if (!names_.back().insert(name).second)
      throw mistake(path_.string(), ": the name \"", name, "\" stands twice in one object");
    return true;
  }
  bool end_object() override {
    names_.pop_back();
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  const Path& path_;
  std::vector<std::set<std::string>> names_;  // of each object that is open
};

Json parse_within_bounds(const Path& path, std::string_view text, std::size_t offset) {
  NamesOnce names(path);
  (void)Json::sax_parse(text.begin(), text.end(), &names);
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::out_of_range&) {
    throw mistake(path.string(), ": holds a number too large to be one");
  } catch (const Json::parse_error& e) {
    throw mistake(path.string(), ": byte ", offset + e.byte, ": not valid JSON", text.empty() ? " (empty)" : "");
  }
}

}  // namespace

Json parse_json(const Path& path, std::string_view text, std::size_t offset) {
  (void)require_bounds(path, text, offset);
  return parse_within_bounds(path, text, offset);
}

Json parse_json_lines(const Path& path, std::string_view text) {
  Json lines = Json::array();
  std::size_t values = 0;
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
    const std::string_view line = text.substr(begin, end - begin);
    if (line.empty()) continue;
    values += require_bounds(path, line, begin);
    if (values > kMaxJsonLineValues)
      throw mistake(path.string(), ": byte ", begin, ": more than ", kMaxJsonLineValues,
                    " JSON values in all its lines");
    lines.push_back(parse_within_bounds(path, line, begin));
  }
  return lines;
}

Json read_json(const Path& path) { return parse_json(path, read_text(path)); }

}  // namespace kelvin
