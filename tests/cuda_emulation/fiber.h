// A stack of its own and the switch to and from it, announced to whichever sanitizer watches. Boost.Context does the switching.
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
  // Whether ThreadSanitizer watches and takes every fiber for a thread: two CUDA threads of a block then need a fiber each.
  static bool counts_as_thread();
  // For ThreadSanitizer: what happened before `release(x)` happens before what follows `acquire(x)`.
  static void release(void* x);
  static void acquire(void* x);

 private:
  struct State;
  State* state_;
};

}  // namespace simt
