#include "kernels/device/headroom.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernels/device/block_pool.h"

namespace kelvin {
namespace {

bool is_limited(__rlimit_resource resource) {
  rlimit limit{};
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

// The kernel counts the memory that it has promised, and promises no more than it has (strict overcommit).
bool counts_promises() {
  const int file = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
  char mode = '0';
  const bool is_read = file >= 0 && read(file, &mode, 1) == 1;
  if (file >= 0) close(file);
  return is_read && mode == '2';
}

}  // namespace

void require_headroom(Cpu, std::size_t bytes) {
  static const bool are_promises_counted = counts_promises();
  if (!are_promises_counted && !is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA)) return;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_out_of_memory("CPU", bytes, pool_use(Cpu{}));
  munmap(memory, bytes);
}

}  // namespace kelvin
