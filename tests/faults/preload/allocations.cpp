// Loaded before libc (LD_PRELOAD): counts the calls that allocate memory, of all threads, and lets some of them fail.
//   KELVIN_FAULT_COUNTER=FILE   8 bytes that the calls are counted in
//   KELVIN_FAULT=alloc:N        call N alone fails
//                alloc:N+M      calls N, N + M, N + 2M, ... fail
// Two libraries do not check malloc's result: oneDNN in its own calls (it checks operator new), and the CUDA runtime, linked into the program,
// when it registers kernels before main. The program checks beforehand that this memory is available. If one of these calls should fail, the
// next call from elsewhere fails instead.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

long failing_call = -1, failing_every = 0;
std::atomic<long> own_counter{0};
std::atomic<long>* counter = nullptr;
std::atomic<bool> is_due{false};                     // a failure that has not come yet
std::atomic<const void*> starting_program{nullptr};  // where the program lies, while its static constructors run
int (*program_main)(int, char**, char**) = nullptr;

int counted_main(int argc, char** argv, char** environment) {
  starting_program = nullptr;
  return program_main(argc, argv, environment);
}

// Nothing in it allocates.
void read_plan() {
  counter = &own_counter;
  if (const char* const path = getenv("KELVIN_FAULT_COUNTER")) {
    const int file = open(path, O_RDWR | O_CLOEXEC);
    void* const memory = mmap(nullptr, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) counter = static_cast<std::atomic<long>*>(memory);
    close(file);
  }
  const char* const text = getenv("KELVIN_FAULT");
  if (text == nullptr || strncmp(text, "alloc:", 6) != 0) return;
  char* end = nullptr;
  failing_call = strtol(text + 6, &end, 10);
  if (*end == '+') failing_every = strtol(end + 1, nullptr, 10);
}

bool is_excepted(const void* caller) {
  Dl_info found{};
  if (dladdr(caller, &found) == 0) return false;
  return (found.dli_fbase == starting_program) ||
         (found.dli_fname != nullptr && strstr(found.dli_fname, "libdnnl") != nullptr);
}

bool fails(const void* caller) {
  if (counter == nullptr) read_plan();  // the first call comes before there are threads
  const long call = counter->fetch_add(1);
  if (call == failing_call || (failing_every > 0 && call > failing_call && (call - failing_call) % failing_every == 0))
    is_due = true;
  if (!is_due || is_excepted(caller) || !is_due.exchange(false)) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

// Static constructors of the program run in here, before main.
int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loader_fini)(), void* stack_end) {
  Dl_info program{};
  if (dladdr(reinterpret_cast<void*>(main), &program) != 0) starting_program = program.dli_fbase;
  program_main = main;
  const auto start = reinterpret_cast<decltype(&__libc_start_main)>(dlsym(RTLD_NEXT, "__libc_start_main"));
  return start(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}

void* malloc(size_t size) { return fails(__builtin_return_address(0)) ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_realloc(block, size);
}
void* memalign(size_t alignment, size_t size) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  if (fails(__builtin_return_address(0))) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

}  // extern "C"
