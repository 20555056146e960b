
#include "kernels/device/allowed.h"
#include "kernels/device/cuda.h"
#include "kernels/device/graph_pool.h"
#include "kernels/device/host_wait.h"
#include "kernels/device/profile.h"
#include "kernels/device/side_stream.h"
#include "kernels/device/step_graph.h"

namespace kelvin {
namespace {

constexpr int kEagerRuns = 2;
std::int64_t all_replays = 0;

}  // namespace

struct StepGraph::Recording {
  GraphPool pool;
  int runs = 0;
  cudaGraphExec_t graph = nullptr;
  bool has_replayed = false;

  ~Recording() {
    if (graph != nullptr && !device_is_lost()) cudaGraphExecDestroy(graph);
  }

  // Relaxed mode: calls outside the stream, such as loading a kernel at its first use, are neither recorded nor refused.
  void record(const Cuda& cuda, const std::function<void()>& step) {
    const cudaStream_t stream = cuda.stream();
    cudaGraph_t recorded = nullptr;
    KELVIN_CHECK_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    const auto give_up = [&] {
      cudaStreamEndCapture(stream, &recorded);
      if (recorded != nullptr) cudaGraphDestroy(recorded);
      abandon_side(cuda);
      cudaGetLastError();  // clears it: the exception reports it
    };
    try {
      step();
    } catch (const Error& e) {
      give_up();
      throw Error(e.code(),
                  str(e.what(), " (while a step was recorded; with KELVIN_GRAPH=0 in the environment none is)"));
    } catch (...) {
      give_up();
      throw;
    }
    KELVIN_CHECK_CUDA(cudaStreamEndCapture(stream, &recorded));
    const cudaError_t status = with_spare_memory([&] { return cudaGraphInstantiate(&graph, recorded, 0); });
    cudaGraphDestroy(recorded);
    check_cuda(status, "cudaGraphInstantiate");
  }
};

StepGraph::StepGraph(Device device) : device_(device) {
  if (device.kind == DeviceKind::cuda && is_allowed("KELVIN_GRAPH")) recording_ = std::make_unique<Recording>();
}

StepGraph::~StepGraph() = default;

void StepGraph::run(const std::function<void()>& step) {
  if (!recording_ || profile_is_enabled()) return step();
  Recording& r = *recording_;
  const cudaStream_t stream = device_.cuda->stream();
  if (r.graph == nullptr) {
    const GraphPoolScope scope(r.pool);
    if (r.runs++ < kEagerRuns) {
      step();
      // The first run chooses algorithms (convolve.h) and tries some with workspaces that no later run needs.
      if (r.runs == 1) {
        wait_for_stream(*device_.cuda);  // as to free memory does, but with an eye on what never ends
        r.pool.release_cache();
      }
      return;
    }
    r.pool.keep_all();
    r.record(*device_.cuda, step);
  }
  KELVIN_CHECK_CUDA(cudaGraphLaunch(r.graph, stream));
  limit_launches_ahead(*device_.cuda);
  r.has_replayed = true;
  ++all_replays;
}

std::int64_t StepGraph::replays() { return all_replays; }

bool StepGraph::has_replayed() const { return recording_ && recording_->has_replayed; }

}  // namespace kelvin
