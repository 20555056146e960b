#include "engine/temporary_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <system_error>

namespace kelvin {
namespace {

constexpr std::string_view kPrefix = ".kelvin-", kEnd = ".tmp";
constexpr std::size_t kDigits = 16;

std::string random_name() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    throw std::system_error(errno, std::generic_category());
  std::array<char, kDigits + 1> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(number));
  return std::string(kPrefix) + digits.data() + std::string(kEnd);
}

// Whether the folder still has the open file under that name.
bool is_under(int folder, const std::string& name, int file) {
  struct stat named {
  }, opened{};
  return fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(file, &opened) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

bool lock(int file, int how) {
  int result = 0;
  while ((result = flock(file, how)) != 0 && errno == EINTR) {
  }
  return result == 0;
}

void remove_if_left(int folder, const std::string& name) {
  struct stat named {};
  if (fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(named.st_mode)) return;
  const Descriptor file(openat(folder, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file && lock(file.get(), LOCK_EX | LOCK_NB) && is_under(folder, name, file.get()))
    unlinkat(folder, name.c_str(), 0);
}

}  // namespace

TemporaryFile::TemporaryFile(int folder) : folder_(folder) {
  for (;;) {
    name_ = random_name();
    file_ = Descriptor(openat(folder, name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file_ && errno == EEXIST) continue;
    if (!file_) throw std::system_error(errno, std::generic_category());
    // Another writer's remove_leftovers may have come between the two: it holds the lock then, and the file is gone after it.
    const bool is_locked = lock(file_.get(), LOCK_EX);
    if (!is_locked || is_under(folder, name_, file_.get())) return;  // unlocked: the file system knows no locks
  }
}

TemporaryFile::~TemporaryFile() {
  if (!name_.empty()) unlinkat(folder_, name_.c_str(), 0);
}

bool TemporaryFile::rename_to(const std::string& name) {
  if (renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0) return false;
  name_.clear();
  return true;
}

bool is_temporary_name(std::string_view name) {
  return name.size() == kPrefix.size() + kDigits + kEnd.size() && name.starts_with(kPrefix) && name.ends_with(kEnd) &&
         name.substr(kPrefix.size(), kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void remove_leftovers(int folder) {
  const int listing = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return;  // a folder that may be written and not read
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(listing), &closedir);
  if (entries == nullptr) {
    close(listing);
    return;
  }
  while (const dirent* const entry = readdir(entries.get()))
    if (is_temporary_name(entry->d_name)) remove_if_left(folder, entry->d_name);
}

}  // namespace kelvin
