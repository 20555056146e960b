#include "kernels/libraries/nvidia_libraries.h"

#include <optional>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr const char* kToolkit = "/usr/local/cuda/lib64";  // the toolkit's usual folder

// Folders that may have a library for the cuDNN in `folder`: the same folder, the neighbouring package (nvidia/cudnn/lib, nvidia/cublas/lib), or
// the toolkit.
std::vector<std::string> neighbours(const std::string& folder, std::size_t cuda) {
  const std::string packages = folder + "/../../";
  return {folder, packages + "cublas/lib", packages + "cuda_nvrtc/lib", str(packages, "cu", cuda, "/lib"), kToolkit};
}

// Opens NVRTC, and its builtins, which it opens only by name. Returns why it cannot be used, or nothing.
std::string open_nvrtc(const std::vector<std::string>& folders, std::size_t cuda) try {
  const DynamicLibrary nvrtc(str("NVRTC ", cuda), {str("libnvrtc.so.", cuda)}, folders);
  int (*const version)(int*, int*) = nvrtc["nvrtcVersion"];
  int major = 0, minor = 0;
  version(&major, &minor);
  const DynamicLibrary builtins("NVRTC's builtins", {str("libnvrtc-builtins.so.", major, ".", minor)},
                                {nvrtc.folder()});
  return {};
} catch (const Error& e) {
  return e.what();
}

NvidiaLibraries open_all() {
  const DynamicLibrary cudnn("cuDNN 9", {"libcudnn.so.9", "libcudnn.so"}, {kToolkit});
  // The CUDA version it was built for, and so the version of the other libraries that it opens.
  std::size_t (*const runtime_version)() = cudnn["cudnnGetCudartVersion"];
  const std::size_t cuda = runtime_version() / 1000;
  const std::vector<std::string> folders = neighbours(cudnn.folder(), cuda);
  const DynamicLibrary cublas_lt(str("cuBLASLt ", cuda, ", which cuDNN in ", cudnn.folder(), " needs,"),
                                 {str("libcublasLt.so.", cuda)}, folders);
  return {cudnn, cublas_lt, open_nvrtc(folders, cuda)};
}

}  // namespace

const NvidiaLibraries& nvidia_libraries() {
  static const NvidiaLibraries instance = open_all();
  return instance;
}

std::vector<std::string> nvidia_folders(const std::string& package) {
  const std::string packages = nvidia_libraries().cudnn.folder() + "/../../";
  return {packages + package + "/lib", kToolkit};
}

std::string missing_cudnn_parts() {
  std::string missing;
  for (const char* const part : {"libcudnn_engines_precompiled.so.9", "libcudnn_heuristic.so.9"}) try {
      const DynamicLibrary opened(part, {part}, {nvidia_libraries().cudnn.folder()});
    } catch (const Error& e) {
      missing += str(missing.empty() ? "" : "; ", e.what());
    }
  return missing;
}

}  // namespace kelvin
