// metrics.jsonl: one JSON object a line, flushed as it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "apps/run/run_folder.h"

namespace kelvin {

class MetricsFile {
 public:
  // Opens the file for appending after cutting it to `keep_bytes` (0 for a new run): lines that a killed run wrote after its
  // last checkpoint are written again by the resumed one.
  MetricsFile(const std::filesystem::path& path, std::uintmax_t keep_bytes);

  void write(const Json& line);
  void sync() const;  // to the disk: before a checkpoint says how long the file is
  [[nodiscard]] std::uintmax_t size() const { return size_; }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
  std::uintmax_t size_;
};

}  // namespace kelvin
