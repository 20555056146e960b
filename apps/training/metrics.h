// metrics.jsonl: one JSON object per line; each line is written at once.
#pragma once

#include <cstdint>
#include <filesystem>

#include "apps/run/run_folder.h"

namespace kelvin {

class MetricsFile {
 public:
  // Cuts the file to `keep_bytes` (0 for a new run) and opens it for appending: a resumed run writes the lines again that a killed run wrote
  // after its last checkpoint. A file that is shorter, or that would be cut inside a line, is cut to its last whole line, because a damaged log
  // must not stop a run. Only rank 0 of a parallel run has a file; on the others it stays empty. Throws a mistake if the path is a symbolic or hard link or no regular file.
  MetricsFile(const std::filesystem::path& path, std::uintmax_t keep_bytes);
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;

  void write(const Json& line);
  void sync() const;  // writes to the disk; called before a checkpoint records the size
  [[nodiscard]] std::uintmax_t size() const { return size_; }
  [[nodiscard]] std::uintmax_t lost_bytes() const { return lost_; }  // of keep_bytes, that the opened file lacked

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uintmax_t size_ = 0, lost_ = 0;
};

}  // namespace kelvin
