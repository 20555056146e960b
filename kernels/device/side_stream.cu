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

  SideStream(const Cuda& main, Side side) : stream(make_stream(side)), cuda(stream, &main, side) {
    for (cudaEvent_t* const event : {&forked, &joined})
      KELVIN_CHECK_CUDA(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
  }
  // Gradients with the lowest priority: they use the multiprocessors that the main stream leaves idle. The exchange with the main stream's: its
  // few blocks should begin as soon as there is room, because the other ranks wait for them.
  static cudaStream_t make_stream(Side side) {
    cudaStream_t made = nullptr;
    const int priority = side == Side::gradients ? 0 : kMainPriority;
    KELVIN_CHECK_CUDA(cudaStreamCreateWithPriority(&made, cudaStreamNonBlocking, priority));
    return made;
  }
  void give_back(const Cuda& main) {
    for (void* const block : blocks) pool_free(main, block, 0);
    blocks.clear();
    is_open = false;
  }
};

void Cuda::keep_for_side(void* block) const { main_->side(side_)->blocks.push_back(block); }

Device fork_side(const Cuda& cuda, Side which) {
  const Device itself{DeviceKind::cuda, &cuda};
  if (cuda.is_side() || !is_recording(cuda)) return itself;
  std::shared_ptr<SideStream>& found = cuda.side(which);
  if (!found) found = std::make_shared<SideStream>(cuda, which);
  SideStream& side = *found;
  KELVIN_CHECK_CUDA(cudaEventRecord(side.forked, cuda.stream()));
  KELVIN_CHECK_CUDA(cudaStreamWaitEvent(side.stream, side.forked, 0));
  side.is_open = true;
  return {DeviceKind::cuda, &side.cuda};
}

void join_side(const Cuda& cuda, Side which) {
  if (!cuda.side(which) || !cuda.side(which)->is_open) return;
  SideStream& side = *cuda.side(which);
  KELVIN_CHECK_CUDA(cudaEventRecord(side.joined, side.stream));
  KELVIN_CHECK_CUDA(cudaStreamWaitEvent(cuda.stream(), side.joined, 0));
  side.give_back(cuda);
}

void abandon_side(const Cuda& cuda) {
  for (const std::shared_ptr<SideStream>& side : cuda.sides_)
    if (side) side->give_back(cuda);
}

}  // namespace kelvin
