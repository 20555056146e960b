// A build without nccl.h: several processes cannot join their GPUs.
#include "kernels/libraries/nccl/communicator.h"

#include "kernels/device/error.h"

namespace kelvin::nccl {

void open() {
  throw mistake(
      "this build cannot sum over GPUs: no nccl.h was found when it was compiled; install NCCL's headers and build "
      "again");
}
std::vector<std::byte> make_id() { return {}; }

Communicator::Communicator(std::span<const std::byte>, int, int) { open(); }
void Communicator::sum(float*, std::int64_t, cudaStream_t) const {}
std::string Communicator::error() const { return {}; }
void Communicator::abort() const {}

}  // namespace kelvin::nccl
