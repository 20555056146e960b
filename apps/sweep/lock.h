// A lock file that several processes of one machine (or of one file system that supports flock) share.
//
// The lock is the kernel's (flock), not the file's existence: when its holder dies, however it dies, the lock is free. There are no
// stale locks to recognise and no window between looking and taking. The file stays, and says who held it last.
#pragma once

#include <filesystem>
#include <optional>

namespace kelvin {

class FileLock {
 public:
  // The lock, or nothing when another process holds it. Throws a mistake when the file cannot be made or locked at all.
  [[nodiscard]] static std::optional<FileLock> try_take(const std::filesystem::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Closed on exec. A child that keeps a copy open holds the lock until it ends, also after this object is gone.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace kelvin
