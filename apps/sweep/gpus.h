// Which GPU the workers of a sweep give to their cells. A cell is a process of its own that sees one GPU: its CUDA_VISIBLE_DEVICES names it.
#pragma once

#include <string>
#include <vector>

#include "apps/sweep/workers.h"

namespace kelvin {

// What CUDA_VISIBLE_DEVICES calls the GPUs of a list such as "0,1,3". They are numbered among those that this process sees: where its own
// CUDA_VISIBLE_DEVICES is "4,6", number 1 is "6". Throws a mistake that names the field `devices` for anything else.
[[nodiscard]] std::vector<std::string> gpus_in(const std::string& list);

// The GPU of a rank when nothing was chosen: the one of its number on this machine, `local_rank`, in turn among those that it sees. Empty if
// CUDA_VISIBLE_DEVICES hides all.
[[nodiscard]] std::vector<std::string> gpu_of_rank(int local_rank);

// `count` workers, of which worker w gets GPU first + w, in turn. Without GPUs they change nothing.
[[nodiscard]] std::vector<Worker> workers_on(const std::vector<std::string>& gpus, int first, int count);

}  // namespace kelvin
