// A time limit for calls that wait inside of a library and cannot be left: the start and the end of MPI wait for all processes of the run.
//
//   const Deadline deadline(300, "MPI has not started");
//   MPI_Init(...);                   // after 300 s: one line on standard error, and the process ends with exit code 1
//
// The launcher then ends the other processes.
#pragma once

#include <string>
#include <thread>

namespace kelvin {

class Deadline {
 public:
  // `what` is the cause in the line, after the name of this rank and its machine.
  Deadline(double seconds, std::string what);

 private:
  std::jthread thread_;
};

}  // namespace kelvin
