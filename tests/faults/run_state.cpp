#include "tests/faults/run_state.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/safetensors.h"
#include "tests/support.h"

namespace kelvin::testing {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

// Of a clock, or as many bytes as a rate has digits, or a checksum of such.
const std::set<std::string> kOfTheMoment = {"img_per_s", "seconds", "metrics_bytes", "kelvin.checksum"};

Json without_the_moment(const Json& json) {
  if (json.is_array()) {
    Json list = Json::array();
    for (const Json& item : json) list.push_back(without_the_moment(item));
    return list;
  }
  if (!json.is_object()) return json;
  Json kept = Json::object();
  for (const auto& [key, value] : json.items())
    if (!kOfTheMoment.contains(key)) kept[key] = without_the_moment(value);
  return kept;
}

std::string meaning_of_weights(const Path& path) {
  const SafetensorsFile file = read_safetensors(path);
  std::ostringstream text;
  for (const auto& [name, tensor] : file.tensors) {
    const std::vector<std::byte> bytes = elements_of(tensor);
    text << name << ' ' << std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()})
         << '\n';
  }
  for (const char* key : {"kelvin", "kelvin.position"})
    if (file.metadata.contains(key)) text << without_the_moment(Json::parse(file.metadata.at(key))).dump() << '\n';
  return text.str();
}

std::string meaning_of_lines(const Path& path) {
  std::istringstream lines(read_text(path));
  std::string text;
  for (std::string line; std::getline(lines, line);) text += without_the_moment(Json::parse(line)).dump() + "\n";
  return text;
}

std::string meaning_of(const Path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".safetensors") return meaning_of_weights(path);
  if (extension == ".jsonl") return meaning_of_lines(path);
  if (extension == ".json") return without_the_moment(Json::parse(read_text(path))).dump();
  if (extension == ".html" || extension == ".txt" || extension == ".csv") return "is there";
  return read_text(path);
}

// Who holds a folder, or held it last.
bool is_lock(const Path& path) { return path.filename() == "lock" || path.extension() == ".lock"; }

template <class F>
void for_each_file(const Path& folder, const F& f) {
  if (!std::filesystem::exists(folder)) return;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && !is_lock(entry.path()))
      f(entry.path(), std::filesystem::relative(entry.path(), folder).string());
}

bool is_final_name(const Path& path) {
  static const std::set<std::string> known = {".safetensors", ".json", ".toml", ".html", ".npy", ".csv"};
  return known.contains(path.extension().string());
}

}  // namespace

std::map<std::string, std::string> state_of(const Path& folder) {
  std::map<std::string, std::string> state;
  for_each_file(folder, [&](const Path& path, const std::string& name) {
    try {
      state[name] = meaning_of(path);
    } catch (const std::exception& e) {
      ADD_FAILURE() << path << ": " << e.what();
    }
  });
  return state;
}

void expect_nothing_torn(const Path& folder, const std::string& when) {
  for_each_file(folder, [&](const Path& path, const std::string&) {
    if (!is_final_name(path)) return;
    try {
      EXPECT_NE(meaning_of(path), "") << when << ": " << path << " is empty";
    } catch (const std::exception& e) {
      ADD_FAILURE() << when << ": " << path << ": " << e.what();
    }
    if (path.extension() == ".html") {
      EXPECT_TRUE(read_text(path).ends_with("</html>\n")) << when << ": " << path;
    }
  });
}

void expect_same_state(const std::map<std::string, std::string>& undisturbed,
                       const std::map<std::string, std::string>& found, const std::string& when) {
  for (const auto& [name, meaning] : undisturbed) {
    const auto other = found.find(name);
    if (other == found.end())
      ADD_FAILURE() << when << ": " << name << " is missing";
    else
      EXPECT_EQ(other->second, meaning) << when << ": " << name << " differs";
  }
  for (const auto& [name, meaning] : found)
    if (!undisturbed.contains(name)) ADD_FAILURE() << when << ": " << name << " is left over";
}

}  // namespace kelvin::testing
