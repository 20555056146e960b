#include "kernels/libraries/nccl/communicator.h"

#include <cstring>

#include "kernels/device/error.h"
#include "kernels/libraries/nccl/library.h"

namespace kelvin::nccl {

void open() { (void)library(); }

std::vector<std::byte> make_id() {
  ncclUniqueId id;
  check(library().get_unique_id(&id), "making an id for the ranks");
  const auto bytes = std::as_bytes(std::span(&id, 1));
  return {bytes.begin(), bytes.end()};
}

Communicator::Communicator(std::span<const std::byte> given, int rank, int size) {
  ncclUniqueId id;
  KELVIN_CHECK(given.size() == sizeof id, "an id of NCCL of ", given.size(), " bytes");
  std::memcpy(&id, given.data(), sizeof id);
  check(library().init_rank(&comm_, size, id, rank), "joining the ranks' GPUs");
}

void Communicator::sum(float* values, std::int64_t count, cudaStream_t stream) const {
  check(library().all_reduce(values, values, static_cast<std::size_t>(count), ncclFloat32, ncclSum, comm_, stream),
        "a sum over the ranks");
}

std::string Communicator::error() const {
  ncclResult_t result = ncclSuccess;
  check(library().get_async_error(comm_, &result), "asking for errors");
  return result == ncclSuccess || result == ncclInProgress ? std::string() : explanation(result);
}

void Communicator::abort() const { (void)library().abort(comm_); }

}  // namespace kelvin::nccl
