// For ratios on a busy machine: preloaded, it makes a program's clock count the processor time that the program was given instead of the time
// that passed, so that waiting for other programs does not count. Only with one thread: with more, threads that wait for each
// other would. What others do to the caches still shows.
//
//     cc -O2 -shared -fPIC tools/bench/processor_time.c -o processor_time.so
//     LD_PRELOAD=$PWD/processor_time.so python3 tools/bench/compare.py --threads 1 --output ratios.json ...
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec* time) {
  if (clock == CLOCK_MONOTONIC) clock = CLOCK_PROCESS_CPUTIME_ID;
  return (int)syscall(SYS_clock_gettime, clock, time);
}
