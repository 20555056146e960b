// Loaded before libc (LD_PRELOAD): counts the operations that change files and, at one of them, kills the process group or fails.
//   KELVIN_FAULT_COUNTER=FILE   8 bytes that all processes of a trial count in
//   KELVIN_FAULT=kill:N         SIGKILL before operation N
//                torn:N         SIGKILL in the middle of it, where it is a write
//                full:N         from operation N on the disk is full: writes stop halfway, nothing can be created
//                error:N        operation N alone fails with EIO
// fsync is counted, and not done: a kill loses nothing that the kernel has, and a thousand trials need not wait for a disk.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

enum class Fault { none, kill, torn, full, error };

struct Plan {
  Fault fault = Fault::none;
  long at = -1;
  std::atomic<long>* counter = nullptr;
};

const Plan& plan() {
  static const Plan made = [] {
    Plan p;
    if (const char* const path = getenv("KELVIN_FAULT_COUNTER")) {
      const int file = ::openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
      void* const memory = mmap(nullptr, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (memory != MAP_FAILED) p.counter = static_cast<std::atomic<long>*>(memory);
    }
    const char* const text = getenv("KELVIN_FAULT");
    if (text == nullptr) return p;
    if (strncmp(text, "kill:", 5) == 0) p.fault = Fault::kill;
    if (strncmp(text, "torn:", 5) == 0) p.fault = Fault::torn;
    if (strncmp(text, "full:", 5) == 0) p.fault = Fault::full;
    if (strncmp(text, "error:", 6) == 0) p.fault = Fault::error;
    p.at = atol(strchr(text, ':') + 1);
    return p;
  }();
  return made;
}

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

void die() {
  ::kill(0, SIGKILL);
  for (;;) pause();
}

enum class What { done, fails, half };

// Counts one operation and returns what to do with it.
What count(bool is_write, bool needs_space) {
  const Plan& p = plan();
  if (p.counter == nullptr) return What::done;
  const long n = p.counter->fetch_add(1);
  const bool now = n == p.at;
  switch (p.fault) {
    case Fault::none: return What::done;
    case Fault::kill:
      if (now) die();
      return What::done;
    case Fault::torn:
      if (now && !is_write) die();
      return now ? What::half : What::done;
    case Fault::full:
      if (n < p.at || !needs_space) return What::done;
      errno = ENOSPC;
      return now && is_write ? What::half : What::fails;
    case Fault::error:
      if (now) errno = EIO;
      return now ? What::fails : What::done;
  }
  return What::done;
}

bool is_file(int descriptor) {
  struct stat about {};
  return descriptor > 2 && fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
}

bool takes_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

bool makes_a_file(const char* path, int flags) {
  return ((flags & (O_CREAT | O_TRUNC)) != 0 || takes_mode(flags)) && strncmp(path, "/dev/", 5) != 0;
}

int mode_of(int flags, va_list& list) { return takes_mode(flags) ? va_arg(list, int) : 0; }

ssize_t half_of(int descriptor, const void* bytes, size_t size) {
  const ssize_t n = real<ssize_t(int, const void*, size_t)>("write")(descriptor, bytes, size / 2);
  if (plan().fault == Fault::torn) die();
  if (n > 0) return n;
  errno = ENOSPC;
  return -1;
}

int path_operation(bool needs_space, auto&& call) { return count(false, needs_space) == What::fails ? -1 : call(); }

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  const What what = is_file(descriptor) ? count(true, true) : What::done;
  if (what == What::fails) return -1;
  if (what == What::half) return half_of(descriptor, bytes, size);
  return real<ssize_t(int, const void*, size_t)>("write")(descriptor, bytes, size);
}

ssize_t writev(int descriptor, const iovec* parts, int n) {
  const What what = is_file(descriptor) && n > 0 ? count(true, true) : What::done;
  if (what == What::fails) return -1;
  if (what == What::half) return half_of(descriptor, parts[n - 1].iov_base, parts[n - 1].iov_len);
  return real<ssize_t(int, const iovec*, int)>("writev")(descriptor, parts, n);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t at) {
  if (is_file(descriptor) && count(true, true) != What::done) return -1;
  return real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64")(descriptor, bytes, size, at);
}

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const int mode = mode_of(flags, list);
  va_end(list);
  if (makes_a_file(path, flags) && count(false, true) == What::fails) return -1;
  return real<int(const char*, int, ...)>("open")(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const int mode = mode_of(flags, list);
  va_end(list);
  if (makes_a_file(path, flags) && count(false, true) == What::fails) return -1;
  return real<int(const char*, int, ...)>("open64")(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const int mode = mode_of(flags, list);
  va_end(list);
  if (makes_a_file(path, flags) && count(false, true) == What::fails) return -1;
  return real<int(int, const char*, int, ...)>("openat")(folder, path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  if (mode[0] != 'r' && makes_a_file(path, O_CREAT) && count(false, true) == What::fails) return nullptr;
  return real<FILE*(const char*, const char*)>("fopen")(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  if (mode[0] != 'r' && makes_a_file(path, O_CREAT) && count(false, true) == What::fails) return nullptr;
  return real<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

int rename(const char* from, const char* to) {
  return path_operation(false, [&] { return real<int(const char*, const char*)>("rename")(from, to); });
}
int renameat(int a, const char* from, int b, const char* to) {
  return path_operation(false,
                        [&] { return real<int(int, const char*, int, const char*)>("renameat")(a, from, b, to); });
}
int linkat(int a, const char* from, int b, const char* to, int flags) {
  return path_operation(
      true, [&] { return real<int(int, const char*, int, const char*, int)>("linkat")(a, from, b, to, flags); });
}
int unlink(const char* path) {
  return path_operation(false, [&] { return real<int(const char*)>("unlink")(path); });
}
int unlinkat(int folder, const char* path, int flags) {
  return path_operation(false, [&] { return real<int(int, const char*, int)>("unlinkat")(folder, path, flags); });
}
int remove(const char* path) noexcept {
  return path_operation(false, [&] { return real<int(const char*)>("remove")(path); });
}
int mkdir(const char* path, mode_t mode) noexcept {
  return path_operation(true, [&] { return real<int(const char*, mode_t)>("mkdir")(path, mode); });
}
int ftruncate64(int descriptor, off64_t size) noexcept {
  return path_operation(false, [&] { return real<int(int, off64_t)>("ftruncate64")(descriptor, size); });
}
int ftruncate(int descriptor, off_t size) noexcept {
  return path_operation(false, [&] { return real<int(int, off_t)>("ftruncate")(descriptor, size); });
}
int truncate(const char* path, off_t size) noexcept {
  return path_operation(false, [&] { return real<int(const char*, off_t)>("truncate")(path, size); });
}
int truncate64(const char* path, off64_t size) noexcept {
  return path_operation(false, [&] { return real<int(const char*, off64_t)>("truncate64")(path, size); });
}
int fsync(int) {
  return path_operation(true, [] { return 0; });
}
int fdatasync(int) {
  return path_operation(true, [] { return 0; });
}

}  // extern "C"
