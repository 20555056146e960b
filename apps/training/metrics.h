// metrics.jsonl: one JSON object a line, written as a whole.
#pragma once

#include <cstdint>
#include <filesystem>

#include "apps/run/run_folder.h"

namespace kelvin {

class MetricsFile {
 public:
  // Opens the file for appending after cutting it to `keep_bytes` (0 for a new run): lines that a killed run wrote after its
  // last checkpoint are written again by the resumed one. A file that is shorter than that, or torn inside a line, is cut to its last
  // whole line: a log never keeps a run from going on. A mistake where the path is a link or no file of its own.
  MetricsFile(const std::filesystem::path& path, std::uintmax_t keep_bytes);
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;

  void write(const Json& line);
  void sync() const;  // to the disk: before a checkpoint says how long the file is
  [[nodiscard]] std::uintmax_t size() const { return size_; }
  [[nodiscard]] std::uintmax_t lost_bytes() const { return lost_; }  // of keep_bytes, when the file was opened

 private:
  std::filesystem::path path_;
  int descriptor_;
  std::uintmax_t size_ = 0, lost_ = 0;
};

}  // namespace kelvin
