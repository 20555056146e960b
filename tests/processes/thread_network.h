// A network whose processes are threads: a Transport (kernels/processes/transport.h) over queues in memory, for tests of Processes.
#pragma once

#include <functional>
#include <vector>

#include "kernels/processes/processes.h"

namespace kelvin::testing {

// Runs `rank` in `size` threads, each with a Processes of its own, and returns when all have ended. An exception ends its thread alone. Returns the
// message of each rank's exception, "" where there was none.
std::vector<std::string> run_ranks(int size, const std::function<void(Processes&)>& rank);

}  // namespace kelvin::testing
