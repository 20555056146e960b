#include "engine/output_place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr int kMostLinks = 40;  // as many as the kernel follows

// The links there are the kernel's own: what they lead to need not have a name.
bool is_proc(int folder) {
  struct statfs system {};
  return fstatfs(folder, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

std::optional<int> own_descriptor(int folder, const std::string& name) {
  struct stat here {
  }, own{};
  if (fstat(folder, &here) != 0 || stat("/proc/self/fd", &own) != 0) return {};
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_number = error == std::errc() && end == name.data() + name.size() && number >= 0;
  if (!is_number || here.st_ino != own.st_ino || here.st_dev != own.st_dev) return {};
  return number;
}

Descriptor open_folder(const Path& path, int at, const Path& folder) {
  Descriptor opened(openat(at, folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (opened) return opened;
  if (errno == ENOENT) throw mistake(path.string(), ": there is no folder ", folder.string());
  if (errno == ENOTDIR) throw mistake(path.string(), ": ", folder.string(), " is not a folder");
  throw_cannot_be_written(path, errno);
}

Path link_target(const Path& path, const OutputPlace& place) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = readlinkat(place.folder.get(), place.name.c_str(), text.data(), text.size());
  if (size < 0) throw_cannot_be_written(path, errno);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

void throw_cannot_be_written(const Path& path, int error) {
  throw mistake(path.string(), ": cannot be written: ", std::strerror(error != 0 ? error : EIO));
}

OutputPlace output_place(const Path& path) {
  if (path.empty()) throw mistake("an output needs a file name; the path given is empty");
  OutputPlace place;
  Path rest = path;
  for (int links = 0; links <= kMostLinks; ++links) {
    const Path parent = rest.has_parent_path() ? rest.parent_path() : Path(".");
    place.folder = open_folder(path, place.folder ? place.folder.get() : AT_FDCWD, parent);
    place.name = rest.has_filename() ? rest.filename().string() : ".";  // "folder/"
    struct stat there {};
    if (fstatat(place.folder.get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return place;
      throw_cannot_be_written(path, errno);
    }
    if (S_ISDIR(there.st_mode)) throw mistake(path.string(), ": is a folder, not a file");
    if (S_ISREG(there.st_mode)) {
      place.permissions = there.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
      return place;
    }
    if (!S_ISLNK(there.st_mode) || is_proc(place.folder.get())) {
      place.is_through = true;
      place.own_descriptor = own_descriptor(place.folder.get(), place.name);
      return place;
    }
    rest = link_target(path, place);
  }
  throw_cannot_be_written(path, ELOOP);
}

Descriptor open_through(const Path& path, const OutputPlace& place) {
  Descriptor opened(place.own_descriptor
                        ? fcntl(*place.own_descriptor, F_DUPFD_CLOEXEC, 0)
                        : openat(place.folder.get(), place.name.c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC));
  if (!opened) throw_cannot_be_written(path, errno);
  return opened;
}

}  // namespace kelvin
