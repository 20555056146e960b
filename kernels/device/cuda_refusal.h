// Why a machine's GPU cannot be used, from what the CUDA runtime said of it. Knows no CUDA, so that every answer can be tested anywhere.
#pragma once

#include <string>

#include "kernels/device/error.h"

namespace kelvin {

struct CudaProbe {
  bool has_driver = true;  // new enough for this program's runtime
  int devices = 0;
  std::string error{};  // the runtime's name for what went wrong while counting, or "no error"
  // Of the first device:
  std::string name{};
  int major = 0, minor = 0;  // compute capability
  bool has_kernels = false;  // this program brings code for it
};

// One clause, or nothing where the device can be used.
[[nodiscard]] inline std::string refusal(const CudaProbe& p) {
  if (!p.has_driver) return "no NVIDIA driver, or one older than this program's CUDA runtime";
  if (p.devices == 0) return str("no NVIDIA GPU (", p.error, ")");
  if (!p.has_kernels)
    return str("this build has no kernels for ", p.name, " (compute capability ", p.major, ".", p.minor,
               "); build it with -DKELVIN_CUDA_ARCHITECTURES=", p.major, p.minor);
  return {};
}

}  // namespace kelvin
