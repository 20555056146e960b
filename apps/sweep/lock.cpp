#include "apps/sweep/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "kernels/device/error.h"

namespace kelvin {

std::optional<FileLock> FileLock::try_take(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) throw mistake(path.string(), ": cannot be made: ", std::strerror(errno));
  FileLock lock(descriptor);
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return std::nullopt;
    throw mistake(path.string(), ": cannot be locked: ", std::strerror(errno), "; choose an --out on a local disk");
  }
  const std::string holder = "process " + std::to_string(getpid()) + "\n";  // for people; nothing reads it
  if (ftruncate(descriptor, 0) == 0) [[maybe_unused]]
    const ssize_t written = pwrite(descriptor, holder.data(), holder.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }

}  // namespace kelvin
