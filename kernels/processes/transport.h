// How the processes of a parallel run pass messages: the table of functions that a plugin fills in, libkelvin_mpi.so for MPI (mpi_plugin.cpp).
//
// The program itself is not linked to MPI, so that it starts where there is none, and a site with another MPI rebuilds one file with its own
// mpicxx. The table has C types alone. Only point-to-point messages are needed: sums and gathers are ours (processes.h), so that their order,
// and with it every bit, does not depend on the MPI library, and a wait can end when a process is lost.
#pragma once

#include <cstdint>

namespace kelvin {

inline constexpr int kTransportVersion = 1;
inline constexpr int kTransportHostBytes = 256;

struct Transport {
  int version = 0;  // kTransportVersion of the plugin
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;   // among the processes of this machine
  char host[kTransportHostBytes] = {};  // the name of this machine, for messages to people

  // Begins to send or receive at most kLargestMessage bytes; the memory must stay until `progress` says that the request has ended. A message is
  // received by its sender's rank and its tag, in the order of sending.
  void* (*send)(const void* data, std::int64_t bytes, int to, int tag) = nullptr;
  void* (*receive)(void* data, std::int64_t bytes, int from, int tag) = nullptr;
  // Gives the library time, and says whether the request has ended: 1, which frees it; 0: not yet; -1: it failed.
  int (*progress)(void* request) = nullptr;
  // The sender of a message with this tag that has come and is not yet received, and its size; -1: there is none.
  int (*waiting)(int tag, std::int64_t* bytes) = nullptr;
  // Ends all processes of the run at once, with this exit code. May return.
  void (*abort)(int code) = nullptr;
  // Called by all processes at the end of the run.
  void (*finish)() = nullptr;
};

inline constexpr std::int64_t kLargestMessage = std::int64_t{1} << 30;  // bytes; MPI counts them in an int

// The function that a plugin exports. Joins the run; returns 0, or another number and the cause in `error`.
using OpenTransport = int(Transport* transport, char* error, std::int64_t error_bytes);
inline constexpr const char* kOpenTransport = "kelvin_open_transport";

}  // namespace kelvin
