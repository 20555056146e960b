// The reason why a machine's GPU cannot be used, from what the CUDA runtime reports. Without CUDA itself, so that every reason can be tested anywhere.
#pragma once

#include <string>

#include "kernels/device/error.h"

namespace kelvin {

struct CudaProbe {
  bool has_driver = true;   // new enough for this program's runtime
  int driver_version = 0;   // the CUDA it is for, 12040 for 12.4; 0: there is none
  int runtime_version = 0;  // the CUDA this program is built with
  bool has_gpu = false;     // as Linux sees it
  int devices = 0;
  int processes = 1;    // of this program on this machine, each of which needs a GPU of its own
  std::string error{};  // the runtime's name for what went wrong while counting, or "no error"
  // With one device each process may see its own alone.
  [[nodiscard]] bool has_device_for_each() const { return devices == 1 || devices >= processes; }
  // Of the device of this process:
  std::string name{};
  int major = 0, minor = 0;  // compute capability
  bool has_kernels = false;  // this program brings code for it
  bool has_memory = true;    // enough to begin with
  std::string failure{};     // any other error of the first call, or nothing
  std::string libraries{};   // why cuDNN or cuBLASLt cannot be used, or nothing
};

struct CudaRefusal {
  std::string reason{};               // one clause; empty: the device can be used
  bool is_worth_saying = true;        // if the CPU is used instead: the user may expect a GPU here
  ExitCode code = ExitCode::mistake;  // if the user asked for the GPU
};

[[nodiscard]] inline CudaRefusal refusal(const CudaProbe& p) {
  const auto version = [](int v) { return str(v / 1000, ".", v % 1000 / 10); };
  const std::string device = str(p.name, " (compute capability ", p.major, ".", p.minor, ")");
  if (!p.has_driver && p.driver_version > 0)
    return {str("the NVIDIA driver is for CUDA ", version(p.driver_version), "; this program needs one for ",
                version(p.runtime_version), " or later")};
  if (!p.has_driver && p.has_gpu)
    return {"there is an NVIDIA GPU but no driver for it (libcuda.so.1; in a container, start it with access to GPUs)"};
  if (!p.has_driver) return {"no NVIDIA driver (libcuda.so.1)", false};
  if (p.devices == 0) return {str("no NVIDIA GPU (", p.error, ")")};
  if (!p.has_device_for_each())
    return {str(p.processes, " ranks on this machine, which has ", p.devices, " GPUs: start one rank a GPU")};
  if (p.major < 8)
    return {str(device, " is too old: this program needs compute capability 8.0 or later, as an A100 has")};
  if (!p.has_memory)
    return {str(device, " has no memory left for this program: nvidia-smi shows which processes use it"), true,
            ExitCode::out_of_memory};
  if (!p.failure.empty()) return {str(device, " cannot be used: ", p.failure)};
  if (!p.has_kernels)
    return {str("this build has no kernels for ", device, "; build it with -DKELVIN_CUDA_ARCHITECTURES=", p.major,
                p.minor)};
  if (!p.libraries.empty()) return {p.libraries};
  return {};
}

}  // namespace kelvin
