// How many threads a parallel region may have.
#pragma once

namespace kelvin {

inline constexpr int kMostThreads = 1024;

// omp_get_max_threads(), once it is known that the system gives so many: libgomp ends the program by itself where a thread cannot be
// had. The first call of a higher number tries it. Throws Error with ExitCode::out_of_memory, naming how many there are, and a mistake
// above kMostThreads.
[[nodiscard]] int usable_threads();

}  // namespace kelvin
