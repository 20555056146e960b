#include "apps/training/metrics.h"

#include <cerrno>
#include <cstring>

#include "apps/run/json_output.h"
#include "engine/atomic_file.h"
#include "kernels/device/error.h"

namespace kelvin {

MetricsFile::MetricsFile(const std::filesystem::path& path, std::uintmax_t keep_bytes)
    : path_(path), size_(keep_bytes) {
  std::error_code error;
  if (keep_bytes > 0) {
    if (std::filesystem::file_size(path, error) < keep_bytes || error)
      throw mistake(path.string(), ": shorter than when its checkpoint was written; it cannot be continued");
    std::filesystem::resize_file(path, keep_bytes, error);
    if (error) throw mistake(path.string(), ": cannot be cut to ", keep_bytes, " bytes: ", error.message());
  }
  out_.open(path, keep_bytes > 0 ? std::ios::app : std::ios::trunc);
  if (!out_) throw mistake(path.string(), ": cannot be written");
}

void MetricsFile::write(const Json& line) {
  const std::string text = to_text(line) + "\n";
  out_ << text << std::flush;
  if (!out_) throw mistake(path_.string(), ": writing failed; is the disk full?");
  size_ += text.size();
}

void MetricsFile::sync() const {
  if (!flush_to_disk(path_)) throw mistake(path_.string(), ": writing failed: ", std::strerror(errno));
}

}  // namespace kelvin
