#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <ostream>
#include <streambuf>
#include <system_error>
#include <vector>

#include "engine/output_place.h"
#include "engine/temporary_file.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// A stream into a descriptor that remembers why a write failed.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor), buffer_(kSize) { empty(); }
  [[nodiscard]] int error() const { return error_; }

 protected:
  int_type overflow(int_type c) override {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    if (size < static_cast<std::streamsize>(kSize)) return std::streambuf::xsputn(text, size);
    return sync() == 0 && put(text, static_cast<std::size_t>(size)) ? size : 0;
  }
  int sync() override {
    const bool is_written = put(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    empty();
    return is_written ? 0 : -1;
  }

 private:
  static constexpr std::size_t kSize = 1 << 16;

  void empty() { setp(buffer_.data(), buffer_.data() + buffer_.size()); }
  bool put(const char* text, std::size_t size) {
    while (size > 0 && error_ == 0) {
      const ssize_t n = ::write(descriptor_, text, size);
      if (n < 0 && errno != EINTR) error_ = errno;
      if (n < 0) continue;
      text += n;
      size -= static_cast<std::size_t>(n);
    }
    return error_ == 0;
  }

  int descriptor_;
  std::vector<char> buffer_;
  int error_ = 0;
};

void write_to(const Path& path, int descriptor, const std::function<void(std::ostream&)>& write) {
  DescriptorBuffer buffer(descriptor);
  std::ostream out(&buffer);
  write(out);
  out.flush();
  if (buffer.error() == EPIPE) throw ReaderIsGone(ExitCode::mistake, path.string() + ": nobody reads it any more");
  if (!out || buffer.error() != 0) throw_cannot_be_written(path, buffer.error());
}

// Also where the file system has nothing of the kind to do.
bool is_flushed(int descriptor) { return fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP; }

void make(const Path& path, const OutputPlace& place, std::optional<TemporaryFile>& temporary) {
  try {
    temporary.emplace(place.folder.get());
  } catch (const std::system_error& e) {
    throw_cannot_be_written(path, e.code().value());
  }
}

int own_files = 0;  // how many OwnFiles exist

}  // namespace

bool is_writer() { return own_files > 0 || processes().is_first(); }

OwnFiles::OwnFiles() { ++own_files; }
OwnFiles::~OwnFiles() { --own_files; }

bool flush_to_disk(const Path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file && is_flushed(file.get());
}

void write_file_atomically(const Path& path, const std::function<void(std::ostream&)>& write) {
  if (!is_writer()) return;
  const OutputPlace place = output_place(path);
  if (place.is_through) return write_to(path, open_through(path, place).get(), write);
  remove_leftovers(place.folder.get());
  std::optional<TemporaryFile> temporary;
  make(path, place, temporary);
  if (place.permissions) fchmod(temporary->descriptor(), *place.permissions);  // not possible everywhere, nor needed
  write_to(path, temporary->descriptor(), write);
  if (!is_flushed(temporary->descriptor()) || !temporary->rename_to(place.name)) throw_cannot_be_written(path, errno);
  const Descriptor folder(openat(place.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) fsync(folder.get());
}

void write_file_atomically(const Path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  });
}

void require_writable(const Path& path) {
  if (!is_writer()) return;
  const OutputPlace place = output_place(path);
  if (!place.is_through) {
    std::optional<TemporaryFile> trial;
    return make(path, place, trial);
  }
  if (place.own_descriptor) {
    const int flags = fcntl(*place.own_descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) throw_cannot_be_written(path, EBADF);
  } else if (faccessat(place.folder.get(), place.name.c_str(), W_OK, AT_EACCESS) != 0) {
    throw_cannot_be_written(path, errno);
  }
}

}  // namespace kelvin
