#include "apps/run/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine/printable.h"
#include "kernels/device/error.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kLongestHolder = 200;
constexpr int kTries = 21;
constexpr auto kPause = std::chrono::milliseconds(50);

// The file is written to, so it must be neither a symbolic link nor a hard link to a file elsewhere.
int open_lock(const Path& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (descriptor < 0 && errno != ELOOP)
    throw mistake(printable(path.string()), ": cannot be made: ", std::strerror(errno), "; choose another ",
                  "out"_field);
  struct stat status {};
  if (descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink <= 1)
    return descriptor;
  if (descriptor >= 0) close(descriptor);
  throw mistake(printable(path.string()), ": is no lock file but a link or a device; remove it");
}

// Whether the locked file is still at its path. A holder that discards its folder removes it.
bool is_at(const Path& path, int descriptor) {
  struct stat locked {
  }, there{};
  return fstat(descriptor, &locked) == 0 && lstat(path.c_str(), &there) == 0 && locked.st_dev == there.st_dev &&
         locked.st_ino == there.st_ino;
}

void sign(int descriptor) {
  std::array<char, 65> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::string holder = str("process ", getpid(), " on host ", host.data(), "\n");
  if (pwrite(descriptor, holder.data(), holder.size(), 0) == static_cast<ssize_t>(holder.size())) [[maybe_unused]]
    const int cut = ftruncate(descriptor, static_cast<off_t>(holder.size()));
}

}  // namespace

std::optional<FileLock> FileLock::try_take(const Path& path, Kind kind) {
  while (true) {
    FileLock lock(open_lock(path));
    if (flock(lock.descriptor_, (kind == Kind::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::nullopt;
      throw mistake(printable(path.string()), ": cannot be locked: ", std::strerror(errno), "; choose an ", "out"_field,
                    " on a local disk");
    }
    if (!is_at(path, lock.descriptor_)) continue;
    sign(lock.descriptor_);
    return lock;
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }

std::string holder_of(const Path& lock) {
  std::array<char, kLongestHolder> text{};
  const int descriptor = open(lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const ssize_t size = descriptor < 0 ? 0 : ::read(descriptor, text.data(), text.size());
  if (descriptor >= 0) close(descriptor);
  const std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string line = holder.substr(0, holder.find('\n'));
  return line.starts_with("process ") ? printable(line) : "another process";
}

FileLock lock_run(const Path& run) {
  if (!processes().is_first()) return FileLock::of_another_rank();
  const Path path = run / kRunLock;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) std::this_thread::sleep_for(kPause);
    if (auto lock = FileLock::try_take(path)) return std::move(*lock);
  }
  throw mistake(printable(run.string()), ": ", holder_of(path), " is training there; wait for it, or choose another ",
                "out"_field);
}

}  // namespace kelvin
