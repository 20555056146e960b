// The report: one self-contained HTML file from run folders, with Chart.js inlined, that works offline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kelvin {

struct ReportOptions {
  std::string title = "Kelvin report";
};

// Reads config.toml, metrics.jsonl and results/*.json of every folder (each may be missing: its figures then say so) and writes
// the page atomically. Throws a mistake for a folder that does not exist; for damaged files, which it names, once the page is written without
// their figures, which it says. Returns what is to be said of the files: those without a checksum.
[[nodiscard]] std::vector<std::string> write_report(const std::filesystem::path& output,
                                                    const std::vector<std::filesystem::path>& runs,
                                                    const ReportOptions& options);

// The page of a sweep, from its table as JSON (apps/sweep/table.h).
void write_sweep_report(const std::filesystem::path& output, const nlohmann::json& table, const ReportOptions& options);

}  // namespace kelvin
