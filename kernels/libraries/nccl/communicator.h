// The GPUs of the processes of a parallel run, one each, as NCCL joins them.
//
//   Communicator all(id, rank, size);            // collective: returns when all processes have called it; id: make_id() of rank 0
//   all.sum(values, count, stream);              // values <- their sum over the ranks, in the stream's turn
//
// Calls must be the same, in the same order, on all ranks, inside of a captured step or outside. Sums repeat bit for bit for a fixed number of
// ranks and machines (README.md). Throws a mistake where NCCL cannot be loaded, otherwise internal errors with NCCL's explanation. One thread, but
// for the constructor, which may be called by any that has the GPU set.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct ncclComm;

namespace kelvin::nccl {

void open();  // the library; throws a mistake that names what is missing
[[nodiscard]] std::vector<std::byte> make_id();

class Communicator {
 public:
  Communicator(std::span<const std::byte> id, int rank, int size);
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  void sum(float* values, std::int64_t count, cudaStream_t stream) const;
  // NCCL's explanation of what went wrong since on the network or in another process; empty: nothing.
  [[nodiscard]] std::string error() const;
  // Ends what runs, from this process's side. May never return.
  void abort() const;

 private:
  ncclComm* comm_ = nullptr;  // lives until the process ends
};

}  // namespace kelvin::nccl
