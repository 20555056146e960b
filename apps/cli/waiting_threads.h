// The time that waiting OpenMP threads spin before they sleep.
#pragma once

namespace kelvin {

// Restarts the program once with a short spin time, unless the environment already sets one (OMP_WAIT_POLICY, GOMP_SPINCOUNT). A restart is
// needed because libgomp reads the environment before main begins. Its default is some milliseconds at every barrier. On a busy machine the
// spinning threads take the cores from the threads that they wait for. APGD on a resnet8 with two threads on two cores: alone 0.7 s with either
// setting, four programs at once 5 s instead of 199 s. A program without the restart has the second team of kernels/device/threads.cpp: as fast on
// a busy machine, 7 to 12 % slower alone (kernels/DECISIONS.md).
void keep_waiting_short(char** argv);

// For child processes that run several at a time: no spin at all, unless the user has set it. (Alone such an attack would take three times as
// long; four at once take 3 s.)
void let_threads_sleep();

}  // namespace kelvin
