// An exception may not leave a parallel region or a thread: the first of several is kept until it can be thrown where they are waited for.
//
//   FirstException failure;
//   #pragma omp parallel for
//   for (...) failure.guard([&] { work(); });
//   failure.rethrow();
#pragma once

#include <atomic>
#include <exception>

namespace kelvin {

class FirstException {
 public:
  // Runs f; what it throws is kept, unless something is kept already. From any thread.
  template <class F>
  void guard(const F& f) noexcept {
    try {
      f();
    } catch (...) {
      if (!is_taken_.test_and_set()) exception_ = std::current_exception();
    }
  }
  // Throws what was kept. Once the threads have been waited for.
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::atomic_flag is_taken_;
  std::exception_ptr exception_;
};

}  // namespace kelvin
