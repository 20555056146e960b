#include "kernels/processes/launcher.h"

#include <charconv>
#include <cstdlib>
#include <initializer_list>

namespace kelvin {
namespace {

std::optional<int> first_number(std::initializer_list<const char*> names) {
  for (const char* const name : names) {
    const char* const value = std::getenv(name);
    if (value == nullptr) continue;
    const std::string_view text = value;
    int number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc()) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> launched_size() {
  if (const auto size = first_number({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})) return size;
  // PMIx tells the size to MPI alone; srun, which may have started PMIx's ranks, has it in a variable of its own.
  return first_number({"PMIX_RANK"}) ? first_number({"SLURM_STEP_NUM_TASKS"}) : std::nullopt;
}

std::optional<int> launched_rank() { return first_number({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"}); }

bool is_launched_in_parallel() {
  if (const std::optional<int> size = launched_size()) return *size > 1;
  return first_number({"PMIX_RANK"}).has_value();
}

bool is_of_a_launcher(std::string_view name) {
  for (const std::string_view setting : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_MCA_btl", "OMPI_MCA_oob", "OMPI_MCA_plm"})
    if (name.starts_with(setting)) return false;  // of a person, for a launcher that a child may call
  for (const std::string_view start : {"OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDI_", "HYDRA_", "MPIR_"})
    if (name.starts_with(start)) return true;
  return false;
}

}  // namespace kelvin
