// Loaded before libc (LD_PRELOAD) by the ranks of a parallel run: counts the calls of operator new of one rank, and ends that rank in one of them.
//   KELVIN_FAULT_RANK=R         the rank; the others are left alone
//   KELVIN_FAULT_COUNTER=FILE   8 bytes that its calls are counted in
//   KELVIN_FAULT=exit:N         call N ends the process with exit code 7, without a word to anybody
//                throw:N        call N throws an exception that nobody expects there
//                memory:N       call N throws bad_alloc, as if there were no memory
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace {

enum class Fault { none, exit, exception, memory };

struct Plan {
  Plan() {
    const char* const rank = getenv("OMPI_COMM_WORLD_RANK");
    const char* const chosen = getenv("KELVIN_FAULT_RANK");
    if (rank == nullptr || chosen == nullptr || strcmp(rank, chosen) != 0) return;
    if (const char* const path = getenv("KELVIN_FAULT_COUNTER")) {
      const int file = open(path, O_RDWR | O_CLOEXEC);
      void* const memory = mmap(nullptr, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (memory != MAP_FAILED) counter = static_cast<std::atomic<long>*>(memory);
      close(file);
    }
    const char* const text = getenv("KELVIN_FAULT");
    if (text == nullptr) return;
    for (const auto& [name, kind] :
         {std::pair("exit:", Fault::exit), {"throw:", Fault::exception}, {"memory:", Fault::memory}})
      if (strncmp(text, name, strlen(name)) == 0) {
        fault = kind;
        call = strtol(text + strlen(name), nullptr, 10);
      }
  }
  std::atomic<long> own{0};
  std::atomic<long>* counter = &own;
  Fault fault = Fault::none;
  long call = -1;
};

}  // namespace

void* operator new(std::size_t size) {
  static Plan plan;  // the first call comes before there are threads
  if (plan.counter->fetch_add(1) == plan.call) {
    if (plan.fault == Fault::exit) _exit(7);
    if (plan.fault == Fault::exception) throw std::runtime_error("planted");
    if (plan.fault == Fault::memory) throw std::bad_alloc();
  }
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
