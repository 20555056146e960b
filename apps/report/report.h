// The report: one self-contained HTML file about run folders. Chart.js is inlined, so that it works offline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/report/claims.h"

namespace kelvin {

struct ReportOptions {
  std::string title = "Kelvin report";
};

struct ReportContents {
  std::vector<std::string> notes;  // about files without a checksum
  std::vector<Claim> claims;       // what the runs say to the paper's claims, as the page shows it
};

// Reads config.toml, metrics.jsonl and results/*.json of every folder and writes the page atomically. If a file is missing, its figures say
// so. If files are damaged, the page is written without their figures and says so; then a mistake that names the files is thrown. Throws a
// mistake for a folder that does not exist.
[[nodiscard]] ReportContents write_report(const std::filesystem::path& output,
                                          const std::vector<std::filesystem::path>& runs, const ReportOptions& options);

// The page of a sweep, from its table as JSON (apps/sweep/table.h).
void write_sweep_report(const std::filesystem::path& output, const nlohmann::json& table, const ReportOptions& options);

}  // namespace kelvin
