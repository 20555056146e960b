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
#include "kernels/device/notes.h"
#include "kernels/processes/launcher.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

std::atomic<bool> ends_by_itself{true};  // true until main is about to return: an exit before comes from a library

// Nothing here allocates, because there may be no memory left.
int out_of_memory(const char* what) {
  std::fprintf(stderr, "kelvin: %s\n", what);
  return static_cast<int>(ExitCode::out_of_memory);
}

int fail(const std::string& message, ExitCode code) {
  if (const auto line = processes().line_of_failure(message, code)) print_error("kelvin: " + *line);
  return static_cast<int>(code);
}

// After an exception that means that no memory is left.
int fail_without_memory(const char* what) {
  return processes().are_many() ? fail(what, ExitCode::out_of_memory) : out_of_memory(what);
}

// Joins the run, if a launcher started this process. Without it there is nobody to agree with on who prints.
bool join_processes() try {
  if (!processes().is_first()) keep_notes_silent();
  return true;
} catch (const EndedByOther&) {
  return false;
} catch (const Lost& e) {
  print_error(std::string("kelvin: ") + e.what());
  return false;
} catch (const Error& e) {
  if (launched_rank().value_or(0) == 0) print_error(std::string("kelvin: ") + e.what());
  return false;
}

// Does not print what() of another library, because it does not help the user. The type helps the developer.
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
  } catch (const EndedByOther& e) {
    return fail("", e.code());
  } catch (const Error& e) {
    return fail(as_flags(e.message()), e.code());
  } catch (const std::bad_alloc&) {
    return fail_without_memory("out of memory; try a smaller --batch-size");
  } catch (const std::length_error&) {  // more than any memory holds
    return fail_without_memory("out of memory; try a smaller --batch-size");
  } catch (const std::filesystem::filesystem_error& e) {  // prints our own message instead of the standard library's
    if (ran_out(e.code())) return fail_without_memory("out of memory while a file was opened");
    return fail((e.path1().empty() ? "the working folder" : e.path1().string()) + ": " + e.code().message(),
                ExitCode::mistake);
  } catch (const std::system_error& e) {
    if (ran_out(e.code()))
      return fail_without_memory("out of threads or memory: the system has no more; try a smaller --threads");
    return fail_inside(typeid(e));
  } catch (const nlohmann::json::exception&) {  // an error in a file that its reader did not expect
    return fail("one of the files read holds JSON of another form than kelvin writes: damaged, or changed by hand",
                ExitCode::mistake);
  } catch (const std::exception& e) {
    return fail_inside(typeid(e));
  }
}

[[noreturn]] void on_terminate() {
  if (std::current_exception()) _exit(tell_exception());
  // Thrown inside a noexcept function: usually a failed allocation.
  if (std::uncaught_exceptions() > 0) _exit(out_of_memory("out of memory; try a smaller --batch-size"));
  std::fprintf(stderr, "kelvin: an error of the program itself (std::terminate); please report it with its command\n");
  _exit(static_cast<int>(ExitCode::internal));
}

// libgomp has printed its message.
void on_exit_of_a_library() {
  if (ends_by_itself) _exit(static_cast<int>(ExitCode::out_of_memory));
}

// Runs before the libraries are loaded, because they allocate then. The CUDA runtime registers our kernels, some 200 KB in small blocks, and
// does not check its allocations; so this checks that the memory is available.
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
  // The end of a thread unwinds its stack. glibc loads a library for that at the first use, and aborts if there is no memory for it then. So this
  // loads it now.
  void* frame = nullptr;
  if (backtrace(&frame, 1) == 0) return out_of_memory("out of memory");
  int code = static_cast<int>(ExitCode::mistake);
  if (join_processes()) {
    try {
      code = program();
      processes().barrier("the end of the run");
    } catch (...) {
      code = tell_exception();
    }
    code = processes().end(code);
  }
  ends_by_itself = false;
  return code;
}

}  // namespace kelvin
