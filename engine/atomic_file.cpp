#include "engine/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// Of a file or folder.
bool flush_to_disk(const Path& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_flushed = fsync(fd) == 0;
  close(fd);
  return is_flushed;
}

[[noreturn]] void fail(const Path& path, const Path& temporary, int error) {
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  throw mistake(path.string(), ": cannot be written: ", std::strerror(error));
}

}  // namespace

bool flush_to_disk(const Path& path) { return flush_to_disk(path, O_RDONLY); }

void write_file_atomically(const Path& path, const std::function<void(std::ostream&)>& write) {
  const Path temporary = path.string() + ".tmp" + std::to_string(getpid());
  errno = 0;
  std::ofstream out(temporary, std::ios::binary);
  if (!out) fail(path, temporary, errno != 0 ? errno : EIO);
  try {
    write(out);
  } catch (...) {
    out.close();
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
  out.close();
  if (!out) fail(path, temporary, errno != 0 ? errno : EIO);
  if (!flush_to_disk(temporary)) fail(path, temporary, errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) fail(path, temporary, errno);
  flush_to_disk(path.has_parent_path() ? path.parent_path() : Path("."), O_RDONLY | O_DIRECTORY);
}

void write_file_atomically(const Path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  });
}

}  // namespace kelvin
