// Whether a launcher of MPI started this process, as its own variables in the environment say: mpirun of Open MPI, mpirun of MPICH and Intel
// MPI, or `srun --mpi=pmix`. Slurm's SLURM_NTASKS says nothing: sbatch sets it for a script that starts no rank.
#pragma once

#include <optional>
#include <string_view>

namespace kelvin {

// Whether this process is one of several: without one of those variables, or where they say that it is alone, nothing of MPI is opened.
[[nodiscard]] bool is_launched_in_parallel();

// The rank and number of processes that the launcher's variables name, where they do: for messages before MPI is open.
[[nodiscard]] std::optional<int> launched_rank();
[[nodiscard]] std::optional<int> launched_size();

// Whether a variable of the environment would make a child process believe that it is a rank of this run. engine/child_process.h removes those.
[[nodiscard]] bool is_of_a_launcher(std::string_view name);

}  // namespace kelvin
