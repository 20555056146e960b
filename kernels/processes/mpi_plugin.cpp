// Messages by MPI: libkelvin_mpi.so, which the program opens when a launcher of MPI has started it (launcher.h). This file alone includes MPI.
// Rebuild it for another MPI with that one's compiler:
//
//   mpicxx -std=c++20 -O2 -shared -fPIC -I. kernels/processes/mpi_plugin.cpp -o libkelvin_mpi.so
#include <mpi.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "kernels/processes/transport.h"

namespace kelvin {
namespace {

constexpr int kFailed = -1;

// A request on the heap; nullptr: MPI refused it, which `progress` reports as a failure.
template <class Start>
void* begin(const Start& start) {
  auto request = std::make_unique<MPI_Request>();
  return start(request.get()) == MPI_SUCCESS ? request.release() : nullptr;
}

void* send(const void* data, std::int64_t bytes, int to, int tag) {
  return begin([&](MPI_Request* request) {
    return MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, to, tag, MPI_COMM_WORLD, request);
  });
}

void* receive(void* data, std::int64_t bytes, int from, int tag) {
  return begin([&](MPI_Request* request) {
    return MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, from, tag, MPI_COMM_WORLD, request);
  });
}

int progress(void* given) {
  auto* const request = static_cast<MPI_Request*>(given);
  int is_done = 0;
  if (request == nullptr || MPI_Test(request, &is_done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return kFailed;
  if (is_done != 0) delete request;
  return is_done != 0 ? 1 : 0;
}

int waiting(int tag, std::int64_t* bytes) {
  int is_there = 0, count = 0;
  MPI_Status status;
  if (MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &is_there, &status) != MPI_SUCCESS || is_there == 0) return -1;
  MPI_Get_count(&status, MPI_BYTE, &count);
  *bytes = count;
  return status.MPI_SOURCE;
}

void abort_all(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

void finish() { MPI_Finalize(); }

}  // namespace

extern "C" int kelvin_open_transport(Transport* t, char* error, std::int64_t error_bytes) {
  int given = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS) {
    std::snprintf(error, static_cast<std::size_t>(error_bytes), "MPI_Init_thread failed");
    return 1;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm machine;
  if (MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine) != MPI_SUCCESS) {
    std::snprintf(error, static_cast<std::size_t>(error_bytes), "MPI_Comm_split_type failed");
    return 1;
  }
  t->version = kTransportVersion;
  MPI_Comm_rank(MPI_COMM_WORLD, &t->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &t->size);
  MPI_Comm_rank(machine, &t->local_rank);
  MPI_Comm_size(machine, &t->local_size);
  MPI_Comm_free(&machine);
  if (gethostname(t->host, sizeof t->host - 1) != 0) std::snprintf(t->host, sizeof t->host, "unknown");
  t->send = send;
  t->receive = receive;
  t->progress = progress;
  t->waiting = waiting;
  t->abort = abort_all;
  t->finish = finish;
  return 0;
}

}  // namespace kelvin
