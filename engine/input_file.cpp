#include "engine/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const Path& path, int error) {
  if (error == ENOENT) throw mistake(path.string(), ": no such file");
  throw mistake(path.string(), ": cannot be read: ", reason(error));
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

// Nothing where there is nothing; a mistake where the system does not say.
mode_t mode_of(const Path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) return status.st_mode;
  if (errno != ENOENT && errno != ENOTDIR) fail(path, errno);
  return 0;
}

}  // namespace

InputFile::InputFile(const Path& path, std::uint64_t max_size) : path_(path) {
  const mode_t mode = mode_of(path);  // before it is opened: that alone may set a device to work
  if (mode != 0 && !S_ISREG(mode)) throw mistake(path.string(), ": is ", kind_of(mode), ", expected a file");
  descriptor_ = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (descriptor_ < 0) fail(path, errno);
  struct stat status {};
  const bool is_known = fstat(descriptor_, &status) == 0;
  const int error = errno;
  size_ = is_known ? static_cast<std::uint64_t>(status.st_size) : 0;
  if (is_known && S_ISREG(status.st_mode) && size_ <= max_size) return;
  close(descriptor_);
  if (!is_known) fail(path, error);
  if (!S_ISREG(status.st_mode)) throw mistake(path.string(), ": is ", kind_of(status.st_mode), ", expected a file");
  throw mistake(path.string(), ": ", size_, " bytes, at most ", max_size, " are read");
}

InputFile::~InputFile() { close(descriptor_); }

void InputFile::read(std::span<std::byte> bytes) {
  read_at(position_, bytes);
  position_ += bytes.size();
}

void InputFile::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, errno);
    if (got == 0)
      throw mistake(path_.string(), ": ends at byte ", offset + done, ", expected ", offset + bytes.size(),
                    " (cut short?)");
    done += static_cast<std::size_t>(got);
  }
}

std::vector<std::byte> read_file(const Path& path, std::uint64_t max_size) {
  InputFile file(path, max_size);
  std::vector<std::byte> bytes(file.size());
  file.read(bytes);
  return bytes;
}

std::string read_text(const Path& path, std::uint64_t max_size) {
  InputFile file(path, max_size);
  std::string text(file.size(), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

bool is_there(const Path& path) { return mode_of(path) != 0; }
bool is_folder(const Path& path) { return S_ISDIR(mode_of(path)); }

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(folder, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) throw mistake(folder.string(), ": cannot be read: ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace kelvin
