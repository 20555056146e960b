// Locks that several processes of one machine (or of one file system that supports flock) share: one training a run folder, one worker a
// cell of a sweep.
//
// The lock is the kernel's (flock), not the file's existence: when its holder dies, however it dies, the lock is free. There are no
// stale locks to recognise and no window between looking and taking. The file stays, and says who held it last.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace kelvin {

class FileLock {
 public:
  enum class Kind { exclusive, shared };
  // The lock, or nothing when another process holds it. Throws a mistake when the file cannot be made or locked at all: also when the
  // path is a link, or anything else than a file of its own.
  [[nodiscard]] static std::optional<FileLock> try_take(const std::filesystem::path& path, Kind kind = Kind::exclusive);
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

// Who held the lock last: "process 4711 on host lab3"; "another process" where the file does not say.
[[nodiscard]] std::string holder_of(const std::filesystem::path& lock);

inline constexpr const char* kRunLock = "lock";  // in the run folder

// The lock of whoever trains in this folder, which exists: RUN/lock. Waits a second for a process that was killed and is not gone yet;
// then a mistake that names the holder.
[[nodiscard]] FileLock lock_run(const std::filesystem::path& run);

}  // namespace kelvin
