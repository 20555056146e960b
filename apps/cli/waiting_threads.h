// How long threads of OpenMP spin before they sleep when they wait for others.
#pragma once

namespace kelvin {

// Starts the program anew, once, with a short spin, unless the environment already says how (OMP_WAIT_POLICY, GOMP_SPINCOUNT): libgomp reads
// it before main begins. Its own is some milliseconds at every barrier, and on a machine that does other work these take the cores from the
// very threads that are waited for. APGD on a resnet8, two threads on two cores: alone 0.7 s either way, four at once 5 s instead of 199.
void keep_waiting_short(char** argv);

// For the programs that this one starts, several at a time: no spin at all (alone such an attack would take three times as long, four at
// once take 3 s), unless the user has said how.
void let_threads_sleep();

}  // namespace kelvin
