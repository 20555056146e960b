#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/device/pool.h"
#include "kernels/device/side_stream.h"

namespace kelvin {

struct SideStream {
  cudaStream_t stream;
  Cuda cuda;
  cudaEvent_t forked = nullptr, joined = nullptr;
  std::vector<void*> blocks;  // freed since the fork
  bool is_open = false;

  explicit SideStream(const Cuda& main) : stream(make_stream()), cuda(stream, &main) {
    for (cudaEvent_t* const event : {&forked, &joined})
      KELVIN_CHECK_CUDA(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
  }
  // With the lowest priority: it uses the multiprocessors that the main stream leaves idle.
  static cudaStream_t make_stream() {
    cudaStream_t made = nullptr;
    KELVIN_CHECK_CUDA(cudaStreamCreateWithPriority(&made, cudaStreamNonBlocking, 0));
    return made;
  }
  void give_back(const Cuda& main) {
    for (void* const block : blocks) pool_free(main, block, 0);
    blocks.clear();
    is_open = false;
  }
};

void Cuda::keep_for_side(void* block) const { main_->side_->blocks.push_back(block); }

Device fork_side(const Cuda& cuda) {
  const Device itself{DeviceKind::cuda, &cuda};
  if (cuda.is_side() || !is_recording(cuda)) return itself;
  if (!cuda.side_) cuda.side_ = std::make_shared<SideStream>(cuda);
  SideStream& side = *cuda.side_;
  KELVIN_CHECK_CUDA(cudaEventRecord(side.forked, cuda.stream()));
  KELVIN_CHECK_CUDA(cudaStreamWaitEvent(side.stream, side.forked, 0));
  side.is_open = true;
  return {DeviceKind::cuda, &side.cuda};
}

void join_side(const Cuda& cuda) {
  if (!cuda.side_ || !cuda.side_->is_open) return;
  SideStream& side = *cuda.side_;
  KELVIN_CHECK_CUDA(cudaEventRecord(side.joined, side.stream));
  KELVIN_CHECK_CUDA(cudaStreamWaitEvent(cuda.stream(), side.joined, 0));
  side.give_back(cuda);
}

void abandon_side(const Cuda& cuda) {
  if (cuda.side_) cuda.side_->give_back(cuda);
}

}  // namespace kelvin
