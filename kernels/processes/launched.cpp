#include <dlfcn.h>

#include <filesystem>

#include "kernels/device/dynamic_library.h"
#include "kernels/processes/deadline.h"
#include "kernels/processes/launcher.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

double hang_after_at_start = kHangAfter;

// Folders in which the plugin may be: that of this library, and the one above where this is the copy for a CPU level (glibc-hwcaps/LEVEL).
std::vector<std::string> folders() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&is_launched_in_parallel), &info) == 0 || info.dli_fname == nullptr)
    return {};
  const std::filesystem::path here = std::filesystem::path(info.dli_fname).parent_path();
  return {here.string(), (here / "../..").lexically_normal().string()};
}

Transport open_plugin() {
  const DynamicLibrary plugin(
      "a launcher of MPI has started this program, but libkelvin_mpi.so, which tools/build.sh kelvin_mpi makes,",
      {"libkelvin_mpi.so"}, folders());
  OpenTransport* const open = plugin[kOpenTransport];
  Transport t;
  char error[256] = {};
  const bool is_said_to_be_one_of_many =
      launched_size().value_or(1) > 1 || launched_rank().value_or(0) > 0;  // before MPI's own
  const Deadline deadline(kWarmUpPatience * hang_after_at_start, "MPI has not started");
  if (open(&t, error, sizeof error) != 0) throw mistake("MPI cannot be used: ", error);
  if (t.version != kTransportVersion)
    throw mistake("libkelvin_mpi.so in ", plugin.folder(), " is of version ", t.version, " instead of ",
                  kTransportVersion, ": build it again (tools/build.sh kelvin_mpi)");
  if (t.size == 1 && is_said_to_be_one_of_many)
    throw mistake(
        "the launcher started several processes, and MPI knows only this one: use the mpirun of the MPI that "
        "libkelvin_mpi.so was built with; under Slurm, PMIx");
  return t;
}

std::unique_ptr<Processes> open_processes() {
  if (!is_launched_in_parallel()) return std::make_unique<Processes>();
  const Transport transport = open_plugin();
  return std::make_unique<Processes>(transport, hang_after_at_start);
}

}  // namespace

void set_hang_after_at_start(double seconds) { hang_after_at_start = seconds; }

Processes& processes() {
  static const std::unique_ptr<Processes> all = open_processes();
  return *all;
}

}  // namespace kelvin
