#include "apps/report/report.h"

#include <algorithm>
#include <sstream>

#include "apps/report/embedded.h"
#include "apps/report/html.h"
#include "engine/atomic_file.h"
#include "engine/checked_json.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

std::string read_if_there(const Path& path) { return is_there(path) ? read_text(path) : ""; }

Json read_metrics(const Path& path) {
  Json lines = Json::array();
  std::istringstream in(read_if_there(path));
  std::size_t offset = 0;
  for (std::string line; std::getline(in, line); offset += line.size() + 1)
    if (!line.empty()) lines.push_back(parse_json(path, line, offset));
  return lines;
}

bool is_run(const Path& folder) {
  return std::filesystem::exists(folder / "config.toml") || std::filesystem::is_directory(folder / "results");
}

std::string a_run_inside(const Path& folder) {
  std::string first;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory() && is_run(entry.path()) && (first.empty() || entry.path().string() < first))
      first = entry.path().string();
  return first;
}

Json read_run(const Path& run) {
  if (!std::filesystem::is_directory(run)) throw mistake(run.string(), ": no such run folder");
  if (!is_run(run)) {
    const std::string inside = a_run_inside(run);
    throw mistake(run.string(), ": no run folder: it holds neither config.toml nor results/",
                  inside.empty() ? "" : str("; there are runs inside, such as ", inside));
  }
  Json results = Json::object();
  if (std::filesystem::is_directory(run / "results")) {
    for (const auto& entry : std::filesystem::directory_iterator(run / "results"))
      if (entry.path().extension() == ".json") results[entry.path().stem()] = read_checked_json(entry.path());
  }
  return {{"name", run.filename().empty() ? run.parent_path().filename().string() : run.filename().string()},
          {"config", read_if_there(run / "config.toml")},
          {"metrics", read_metrics(run / "metrics.jsonl")},
          {"results", results}};
}

// Replaces every {{NAME}} of the page in one pass, so that replaced text is not searched again.
std::string fill_page(const std::string& page, const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const auto& p) {
      return page.compare(at, p.first.size() + 4, "{{" + p.first + "}}") == 0;
    });
    if (part == parts.end()) {
      out += page[at++];
    } else {
      out += part->second;
      at += part->first.size() + 4;
    }
  }
  return out;
}

void write_page(const Path& output, const std::string& title, const std::string& sections, const Json& data,
                const std::string& script) {
  const std::string html = fill_page(embedded::page(), {{"TITLE", escape_html(title)},
                                                        {"CSS", embedded::style()},
                                                        {"SECTIONS", sections},
                                                        {"DATA", json_for_script(data)},
                                                        {"CHART", embedded::chart()},
                                                        {"SCRIPT", script}});
  write_file_atomically(output, std::as_bytes(std::span(html)));
}

}  // namespace

void write_report(const Path& output, const std::vector<Path>& runs, const ReportOptions& options) {
  if (runs.empty()) throw mistake("a report needs at least one run folder");
  Json data = {{"runs", Json::array()}};
  for (const Path& run : runs) data["runs"].push_back(read_run(run));
  write_page(output, options.title, embedded::sections(), data, embedded::script());
}

void write_sweep_report(const Path& output, const Json& table, const ReportOptions& options) {
  write_page(output, options.title, embedded::sweep_sections(), {{"runs", Json::array()}, {"sweep", table}},
             embedded::common() + embedded::sweep_script());
}

}  // namespace kelvin
