#include "apps/cli/ending.h"

#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

std::atomic<bool> ends_by_itself{true};  // by exit() of a library, not by returning from main

// Nothing here allocates: there may be nothing left.
int say(const char* text, ExitCode code) {
  std::fprintf(stderr, "kelvin: %s\n", text);
  return static_cast<int>(code);
}

// The line and the code of the exception that is being handled.
int report_exception() {
  try {
    throw;
  } catch (const Error& e) {
    return say(e.what(), e.code());
  } catch (const std::bad_alloc&) {
    return say("out of memory; try a smaller --batch-size", ExitCode::out_of_memory);
  } catch (const std::length_error&) {  // more than any container holds
    return say("out of memory: more was asked for than there can be; try smaller numbers", ExitCode::out_of_memory);
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::resource_unavailable_try_again || e.code() == std::errc::not_enough_memory)
      return say("out of threads or memory: the system has no more to give; try a smaller --threads",
                 ExitCode::out_of_memory);
    return say(e.what(), ExitCode::internal);
  } catch (const std::exception& e) {
    return say(e.what(), ExitCode::internal);
  } catch (...) {
    return say("an exception of an unknown kind", ExitCode::internal);
  }
}

[[noreturn]] void on_terminate() {
  _exit(std::current_exception() ? report_exception() : say("ended by a library", ExitCode::internal));
}

// libgomp has said its line.
void on_exit_of_a_library() {
  if (ends_by_itself) _exit(static_cast<int>(ExitCode::out_of_memory));
}

}  // namespace

int run_to_its_end(const std::function<int()>& program) {
  std::set_terminate(on_terminate);
  if (std::atexit(on_exit_of_a_library) != 0) return say("out of memory", ExitCode::out_of_memory);
  // The end of a thread unwinds its stack; glibc loads what it needs for that when it is first needed, and ends the program where there
  // is no memory for it then.
  void* frame = nullptr;
  if (backtrace(&frame, 1) == 0) return say("out of memory", ExitCode::out_of_memory);
  int code = 0;
  try {
    code = program();
  } catch (...) {
    code = report_exception();
  }
  ends_by_itself = false;
  return code;
}

}  // namespace kelvin
