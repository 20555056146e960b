// Locks between processes of one machine, or of one file system that supports flock: at most one training in a run folder, at most one
// worker on a cell of a sweep.
//
// The operating system holds the lock (flock); the existence of the file means nothing. When the holder ends in any manner, the lock is
// free, so there are no stale locks. Testing and taking are one operation. The file stays and names its last holder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace kelvin {

class FileLock {
 public:
  enum class Kind { exclusive, shared };
  // The lock, or nothing if another process holds it. Throws a mistake if the file cannot be made or locked, or if the path is a symbolic or
  // hard link or no regular file.
  [[nodiscard]] static std::optional<FileLock> try_take(const std::filesystem::path& path, Kind kind = Kind::exclusive);
  // Stands for the lock that rank 0 of a parallel run holds.
  [[nodiscard]] static FileLock of_another_rank() { return FileLock(-1); }
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Closed on exec. A child process that keeps a copy open holds the lock until it ends, even after this object is destroyed.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// The last holder of the lock: "process 4711 on host lab3", or "another process" if the file does not say.
[[nodiscard]] std::string holder_of(const std::filesystem::path& lock);

inline constexpr const char* kRunLock = "lock";  // in the run folder

// Takes RUN/lock, which the process that trains in this folder holds. The folder must exist. Waits up to a second, for a process that was killed
// but has not ended yet; then throws a mistake that names the holder. Rank 0 takes it for all processes of a parallel run.
[[nodiscard]] FileLock lock_run(const std::filesystem::path& run);

}  // namespace kelvin
