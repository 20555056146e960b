// Without the CUDA device a step is simply run.
#include "kernels/device/step_graph.h"

namespace kelvin {

struct StepGraph::Recording {};
StepGraph::StepGraph(Device device) : device_(device) {}
StepGraph::~StepGraph() = default;
void StepGraph::run(const std::function<void()>& step) { step(); }
bool StepGraph::has_replayed() const { return false; }
std::int64_t StepGraph::replays() { return 0; }

}  // namespace kelvin
