// A separate stack and the switch to and from it, by Boost.Context. Each switch is announced to the sanitizer in use.
#pragma once

#include <cstddef>

namespace simt {

class Fiber {
 public:
  // `body` runs on the first `resume`; it must never return.
  explicit Fiber(void (*body)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void resume();        // scheduler -> fiber; returns at its next `leave`
  static void leave();  // fiber -> scheduler
  // Whether ThreadSanitizer is in use, which regards every fiber as a thread: then each CUDA thread of a block needs its own fiber.
  static bool counts_as_thread();
  // For ThreadSanitizer: what happened before `release(x)` happens before what follows `acquire(x)`.
  static void release(void* x);
  static void acquire(void* x);

 private:
  struct State;
  State* state_;
};

}  // namespace simt
