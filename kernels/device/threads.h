// How many threads a parallel region may have, and how long those of libgomp wait.
#pragma once

namespace kelvin {

inline constexpr int kMostThreads = 1024;

// omp_get_max_threads(), after a test that the system allows as many: libgomp ends the program where it cannot create a thread. The test runs at
// the first call with a higher number. Throws Error with ExitCode::out_of_memory that names the possible number, and a mistake above
// kMostThreads.
[[nodiscard]] int usable_threads();

// While one lives and `applies`, the parallel regions that this thread begins have one thread: for calls of a library with little work.
class OneThread {
 public:
  explicit OneThread(bool applies);
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;  // 0: does not apply
};

}  // namespace kelvin
