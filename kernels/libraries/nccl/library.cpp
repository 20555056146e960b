#include "kernels/libraries/nccl/library.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/device/error.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/libraries/nvidia_libraries.h"

namespace kelvin::nccl {
namespace {

void set_unless_set(const char* name, const char* value) { setenv(name, value, 0); }

Library open_library() {
  // All connections are made at the start, where we can give up waiting, not in the first sum.
  set_unless_set("NCCL_RUNTIME_CONNECT", "0");
  if (cuda_settings().deterministic) {
    set_unless_set("NCCL_NVLS_ENABLE", "0");
    set_unless_set("NCCL_ALGO", "Ring");
  }
  return {DynamicLibrary("NCCL 2", {"libnccl.so.2"}, nvidia_folders("nccl"))};
}

}  // namespace

const Library& library() {
  static const Library instance = open_library();
  return instance;
}

std::string explanation(ncclResult_t result) {
  std::string text = str(library().get_error_string(result), ": ", library().get_last_error(nullptr));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void check(ncclResult_t result, const char* what) {
  if (result != ncclSuccess) throw internal_error("NCCL, ", what, ": ", explanation(result));
}

}  // namespace kelvin::nccl
