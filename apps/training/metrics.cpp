#include "apps/training/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "apps/run/json_output.h"
#include "engine/printable.h"
#include "kernels/device/error.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

// The end of the last whole line among the first `size` bytes.
std::uintmax_t end_of_last_line(int descriptor, std::uintmax_t size) {
  std::array<char, 4096> block{};
  while (size > 0) {
    const std::uintmax_t begin = size - std::min<std::uintmax_t>(size, block.size());
    const ssize_t n =
        pread(descriptor, block.data(), static_cast<std::size_t>(size - begin), static_cast<off_t>(begin));
    for (ssize_t i = n; i > 0; --i)
      if (block[static_cast<std::size_t>(i - 1)] == '\n') return begin + static_cast<std::uintmax_t>(i);
    size = begin;
  }
  return 0;
}

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& path, std::uintmax_t keep_bytes) : path_(path) {
  if (!processes().is_first()) return;
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  const std::string name = printable(path.string());
  if (descriptor_ < 0 && errno != ELOOP) throw mistake(name, ": cannot be written: ", std::strerror(errno));
  struct stat status {};
  const bool is_own =
      descriptor_ >= 0 && fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
  const auto there = static_cast<std::uintmax_t>(status.st_size);
  if (is_own) size_ = end_of_last_line(descriptor_, std::min(there, keep_bytes));
  lost_ = keep_bytes - size_;
  const bool is_cut = is_own && (there == size_ || ftruncate(descriptor_, static_cast<off_t>(size_)) == 0);
  const int error = errno;
  if (is_cut) return;
  if (descriptor_ >= 0) close(descriptor_);
  if (!is_own) throw mistake(name, ": is a link or a device, not a file of this run; remove it");
  throw mistake(name, ": cannot be cut to ", size_, " bytes: ", std::strerror(error));
}

MetricsFile::~MetricsFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void MetricsFile::write(const Json& line) {
  if (descriptor_ < 0) return;
  const std::string text = to_text(line) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(descriptor_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw mistake(printable(path_.string()), ": cannot be written: ", std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
  size_ += text.size();
}

void MetricsFile::sync() const {
  if (descriptor_ >= 0 && fsync(descriptor_) != 0)
    throw mistake(printable(path_.string()), ": cannot be written to the disk: ", std::strerror(errno));
}

}  // namespace kelvin
