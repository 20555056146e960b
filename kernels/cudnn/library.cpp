#include "kernels/cudnn/library.h"

#include "kernels/device/dynamic_library.h"
#include "kernels/device/error.h"

namespace kelvin::cudnn {

const Library& library() {
  static const Library instance = [] {
    const DynamicLibrary cudnn("cuDNN 9", {"libcudnn.so.9", "libcudnn.so"});
    Library l{};
    cudnn.resolve(l.get_version, "cudnnGetVersion");
    cudnn.resolve(l.get_error_string, "cudnnGetErrorString");
    cudnn.resolve(l.get_last_error_string, "cudnnGetLastErrorString");
    cudnn.resolve(l.create, "cudnnCreate");
    cudnn.resolve(l.set_stream, "cudnnSetStream");
    cudnn.resolve(l.create_descriptor, "cudnnBackendCreateDescriptor");
    cudnn.resolve(l.destroy_descriptor, "cudnnBackendDestroyDescriptor");
    cudnn.resolve(l.set_attribute, "cudnnBackendSetAttribute");
    cudnn.resolve(l.get_attribute, "cudnnBackendGetAttribute");
    cudnn.resolve(l.finalize, "cudnnBackendFinalize");
    cudnn.resolve(l.execute, "cudnnBackendExecute");
    return l;
  }();
  return instance;
}

std::string last_error() {
  char reason[1024] = {};
  library().get_last_error_string(reason, sizeof reason);
  return reason;
}

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw internal_error("cuDNN, ", what, ": ", library().get_error_string(status), ": ", last_error());
}

}  // namespace kelvin::cudnn
