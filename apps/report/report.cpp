#include "apps/report/report.h"

#include <algorithm>
#include <utility>

#include "apps/report/embedded.h"
#include "apps/report/glossary.h"
#include "apps/report/html.h"
#include "apps/run/run_folder.h"
#include "engine/atomic_file.h"
#include "engine/checked_json.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

std::string read_if_there(const Path& path) { return is_there(path) ? read_text(path) : ""; }

// The files that a page could not read. The page is written without them and says so.
using Problems = std::vector<std::string>;

// The result of `read` for the file. If that fails, an empty result and one more problem.
template <class Read>
Json read_or_note(Problems& problems, const RunFolder& run, const Path& file, const Read& read) {
  try {
    if (is_there(file) && run.leads_out(file)) throw mistake(file.string(), ": is a link out of the run folder");
    return read(file);
  } catch (const Error& e) {
    if (e.code() != ExitCode::mistake) throw;
    problems.emplace_back(e.what());
    return nullptr;
  }
}

// An incomplete last line comes from a run that was killed; it is left out.
Json read_metrics(const Path& path) { return parse_json_lines(path, read_if_there(path)); }

bool is_run(const Path& folder) { return is_there(folder / "config.toml") || is_folder(folder / "results"); }

std::string a_run_inside(const Path& folder) {
  for (const std::string& name : names_in(folder))
    if (is_folder(folder / name) && is_run(folder / name)) return (folder / name).string();
  return {};
}

// A note about results of earlier versions without checksums.
std::string age_note(const Path& results, std::size_t old, std::size_t all) {
  return str(results.string(), ": ", old, " of ", all,
             " files written by an older version, without checksums; damage in them would not be noticed");
}

Json read_run(const Path& run, Problems& problems, std::vector<std::string>& notes) {
  if (!is_folder(run)) throw mistake(run.string(), ": no such run folder");
  if (!is_run(run)) {
    const std::string inside = a_run_inside(run);
    throw mistake(run.string(), ": no run folder: it holds neither config.toml nor results/",
                  inside.empty() ? "" : str("; there are runs inside, such as ", inside));
  }
  const RunFolder folder{run};
  Json results = Json::object();
  std::vector<Path> files;
  if (is_folder(run / "results"))
    for (const std::string& name : names_in(run / "results"))
      if (Path(name).extension() == ".json" && !RunFolder::is_card(name)) files.push_back(run / "results" / name);
  std::size_t old = 0;
  for (const Path& file : files) {
    bool has_checksum = true;
    const auto read = [&has_checksum](const Path& path) { return read_checked_json(path, &has_checksum); };
    if (Json result = read_or_note(problems, folder, file, read); !result.is_null())
      results[file.stem()] = std::move(result);
    old += has_checksum ? 0 : 1;
  }
  if (old > 0) notes.push_back(age_note(run / "results", old, files.size()));
  Json config = read_or_note(problems, folder, folder.config(), read_if_there);
  Json metrics = read_or_note(problems, folder, folder.metrics(), read_metrics);
  return {{"name", run.filename().empty() ? run.parent_path().filename().string() : run.filename().string()},
          {"config", config.is_null() ? Json("") : std::move(config)},
          {"metrics", metrics.is_null() ? Json::array() : std::move(metrics)},
          {"results", std::move(results)}};
}

// Takes out of a run's results what no figure of the page shows: one flag for each image, and the images of targeted attacks beside others.
void drop_unshown(Json& results) {
  std::size_t attacks = 0;
  for (const auto& [name, result] : results.items()) attacks += name.starts_with("attack-") ? 1 : 0;
  for (Json& result : results) {
    if (!result.is_object()) continue;
    result.erase("correct");
    if (result.contains("rows") && result["rows"].is_array())
      for (Json& row : result["rows"])
        if (row.is_object()) row.erase("correct");
    if (attacks > 1 && result.value("targeted", Json("none")) != "none") result.erase("examples");
  }
}

void write_page(const Path& output, const std::string& title, const std::string& sections, const Json& data,
                const std::string& script) {
  const std::string html = fill_page(embedded::page(), {{"TITLE", escape_html(title)},
                                                        {"CSS", embedded::style()},
                                                        {"SECTIONS", sections},
                                                        {"GLOSSARY", glossary_html()},
                                                        {"DATA", json_for_script(data)},
                                                        {"CHART", embedded::chart()},
                                                        {"SCRIPT", script}});
  write_file_atomically(output, std::as_bytes(std::span(html)));
}

}  // namespace

ReportContents write_report(const Path& output, const std::vector<Path>& runs, const ReportOptions& options) {
  if (runs.empty()) throw mistake("a report needs at least one run folder");
  Json data = {{"runs", Json::array()}};
  Problems problems;
  ReportContents contents;
  for (const Path& run : runs) data["runs"].push_back(read_run(run, problems, contents.notes));
  contents.claims = claims_of(data["runs"]);
  data["claims"] = to_json(contents.claims);
  for (Json& run : data["runs"]) drop_unshown(run["results"]);
  std::string warnings;
  for (const std::string& problem : problems)
    warnings += "<p><strong>Not shown:</strong> " + escape_html(problem) + "</p>\n";
  write_page(output, options.title, warnings + embedded::sections(), data, embedded::script());
  if (!problems.empty())
    throw mistake(problems.front(), problems.size() > 1 ? str(" (and ", problems.size() - 1, " more files)") : "",
                  "; the page is written without it");
  return contents;
}

void write_sweep_report(const Path& output, const Json& table, const ReportOptions& options) {
  write_page(output, options.title, embedded::sweep_sections(), {{"runs", Json::array()}, {"sweep", table}},
             embedded::sweep_script());
}

}  // namespace kelvin
