#include "apps/cli/ending.h"

#include <cxxabi.h>
#include <execinfo.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <typeinfo>

#include "apps/cli/as_flags.h"
#include "apps/cli/standard_streams.h"
#include "engine/atomic_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

std::atomic<bool> ends_by_itself{true};  // by exit() of a library, not by returning from main

// Nothing here allocates: there may be nothing left.
int out_of_memory(const char* what) {
  std::fprintf(stderr, "kelvin: %s\n", what);
  return static_cast<int>(ExitCode::out_of_memory);
}

int fail(const std::string& message, ExitCode code) {
  print_note("kelvin: " + message);
  return static_cast<int>(code);
}

// Never what() of another library: it says nothing to who reads it. The type does, to who mends it.
int fail_inside(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                         &std::free);
  return fail(std::string("an error of the program itself (") + (name ? name.get() : type.name()) +
                  "); please report it with the command that led to it",
              ExitCode::internal);
}

bool ran_out(const std::error_code& code) {
  return code == std::errc::resource_unavailable_try_again || code == std::errc::not_enough_memory;
}

// The line and the code of the exception that is being handled.
int tell_exception() {
  try {
    throw;
  } catch (const ReaderIsGone&) {
    end_quietly();
  } catch (const Error& e) {
    return fail(as_flags(e.message()), e.code());
  } catch (const std::bad_alloc&) {
    return out_of_memory("out of memory; try a smaller --batch-size");
  } catch (const std::length_error&) {  // more than any memory holds
    return out_of_memory("out of memory; try a smaller --batch-size");
  } catch (const std::filesystem::filesystem_error& e) {  // what the standard library says of a path, in our words
    if (ran_out(e.code())) return out_of_memory("out of memory while a file was opened");
    return fail((e.path1().empty() ? "the working folder" : e.path1().string()) + ": " + e.code().message(),
                ExitCode::mistake);
  } catch (const std::system_error& e) {
    if (ran_out(e.code()))
      return out_of_memory("out of threads or memory: the system has no more; try a smaller --threads");
    return fail_inside(typeid(e));
  } catch (const nlohmann::json::exception&) {  // of a kind that the reader of the file did not think of
    return fail("one of the files read holds JSON of another form than kelvin writes: damaged, or changed by hand",
                ExitCode::mistake);
  } catch (const std::exception& e) {
    return fail_inside(typeid(e));
  }
}

[[noreturn]] void on_terminate() {
  if (std::current_exception()) _exit(tell_exception());
  // Thrown where nothing may be, which is what allocations do in functions that promise not to throw.
  if (std::uncaught_exceptions() > 0) _exit(out_of_memory("out of memory; try a smaller --batch-size"));
  std::fprintf(stderr, "kelvin: an error of the program itself (std::terminate); please report it with its command\n");
  _exit(static_cast<int>(ExitCode::internal));
}

// libgomp has said its line.
void on_exit_of_a_library() {
  if (ends_by_itself) _exit(static_cast<int>(ExitCode::out_of_memory));
}

// Libraries allocate when they are loaded: this runs before. The CUDA runtime then registers our kernels, some 200 KB in small blocks, and
// does not look whether it got them.
void end_in_order_from_the_start() {
  std::set_terminate(on_terminate);
  constexpr std::size_t kRegistration = std::size_t{1} << 20;
  void* const memory = mmap(nullptr, kRegistration, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || std::atexit(on_exit_of_a_library) != 0) _exit(out_of_memory("out of memory"));
  munmap(memory, kRegistration);
}
__attribute__((section(".preinit_array"), used)) void (*const before_libraries)() = end_in_order_from_the_start;

}  // namespace

int run_to_its_end(const std::function<int()>& program) {
  // The end of a thread unwinds its stack; glibc loads what it needs for that when it is first needed, and ends the program where there
  // is no memory for it then.
  void* frame = nullptr;
  if (backtrace(&frame, 1) == 0) return out_of_memory("out of memory");
  int code = 0;
  try {
    code = program();
  } catch (...) {
    code = tell_exception();
  }
  ends_by_itself = false;
  return code;
}

}  // namespace kelvin
